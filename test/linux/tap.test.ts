import assert from 'node:assert/strict';
import { accessSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { hardwareAddressOf } from '../../linux/device-settings.ts';
import { nextHopTowards } from '../../linux/devices.ts';
import { openLink } from '../../linux/open-link.ts';
import { bindTo, closeDescriptor, openDatagramSocket, sendDatagram } from '../../linux/sockets.ts';
import { openTap } from '../../linux/tap.ts';
import { collect, protocolOf, segmentFrame, send } from './frames.ts';
import { inNamespaces, Namespace } from './two-namespaces.ts';

const kernelAddress = 0xc612_0901;
const stackAddress = 0xc612_0902;

function tapDevice(): boolean {
  try {
    accessSync('/dev/net/tun');
    return true;
  } catch {
    return false;
  }
}
const options = { ...inNamespaces, skip: inNamespaces.skip || (!tapDevice() && 'there is no /dev/net/tun') };

function namespaceFor(t: TestContext): Namespace {
  const namespace = new Namespace();
  t.after(() => namespace.close());
  namespace.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6');
  return namespace;
}

/** A TAP device whose other end is the kernel's 198.18.9.1, which knows our hardware address. */
function tapLink(t: TestContext) {
  const namespace = namespaceFor(t);
  const request = { wish: 'tap', devices: ['tap0'], role: 'server', port: 80, threads: 1 } as const;
  const opened = namespace.inside(() => openLink({ ...request, addresses: Uint32Array.of(stackAddress) }));
  t.after(() => opened.close());
  const own = Buffer.from(opened.link.hardwareAddress)
    .toString('hex')
    .replace(/..(?!$)/g, '$&:');
  namespace.run('ip', 'address', 'add', '198.18.9.1/24', 'dev', 'tap0');
  namespace.run('ip', 'neighbour', 'add', '198.18.9.2', 'lladdr', own, 'nud', 'permanent', 'dev', 'tap0');
  return { namespace, link: opened.link, chosen: opened.chosen, kernelAnswers: opened.kernelAnswers };
}

test('a TAP link carries what the kernel sends to it, one frame a datagram', options, (t) => {
  const { namespace, link, chosen, kernelAnswers } = tapLink(t);
  assert.deepEqual([chosen, kernelAnswers, link.mtu], ['tap on tap0', false, 1500]);
  const socket = namespace.inside(openDatagramSocket);
  t.after(() => closeDescriptor(socket));
  bindTo(socket, '198.18.9.1', 4000);
  for (let port = 1; port <= 100; port++) sendDatagram(socket, '198.18.9.2', port);
  const came = collect(link, 100, 10_000).filter(({ bytes }) => protocolOf(bytes) === 17);
  assert.deepEqual(
    came.map(({ toPort }) => toPort),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
  assert.deepEqual(came[0]?.bytes.subarray(0, 6), link.hardwareAddress);
});

test('a TAP link carries what is sent to the kernel, which answers', options, (t) => {
  const { namespace, link } = tapLink(t);
  const kernelHardware = namespace.inside(() => hardwareAddressOf('tap0'));
  assert.notDeepEqual(kernelHardware, link.hardwareAddress);
  for (let index = 0; index < 100; index++)
    assert.ok(
      send(
        link,
        segmentFrame({
          toHardware: kernelHardware,
          fromHardware: link.hardwareAddress,
          from: stackAddress,
          to: kernelAddress,
          fromPort: 1024 + index,
          toPort: 9,
          number: index,
        }),
      ),
    );
  link.flush(0);
  const resets = collect(link, 100, 10_000);
  assert.deepEqual(
    resets.map(({ fromPort, toPort }) => [fromPort, toPort]),
    Array.from({ length: 100 }, (_, index) => [9, 1024 + index]),
  );
  assert.deepEqual(link.counters, { received: 100, transmitted: 100, overflows: 0 });
});

test(
  'a TAP link sees who the kernel asks for, and ends with an error when the device is gone',
  options,
  (t) => {
    const { namespace, link } = tapLink(t);
    const asked = namespace.inside(() => {
      assert.throws(() => nextHopTowards(stackAddress + 1), /"tap0" does not say its hardware address/);
      return collect(link, 1, 10_000);
    });
    // ARP, who has 198.18.9.3.
    assert.equal(Buffer.from(asked[0]?.bytes.subarray(12, 14) as Uint8Array).toString('hex'), '0806');
    assert.equal(Buffer.from(asked[0]?.bytes.subarray(38, 42) as Uint8Array).toString('hex'), 'c6120903');
    namespace.run('ip', 'link', 'delete', 'tap0');
    assert.throws(() => link.wait(60_000_000), /Cannot go on with tap:tap0: the device is gone, or down/);
    assert.throws(() => collect(link, 1, 0), /tap0/);
  },
);

test('a TAP device that was made goes with its link; one that was there stays', options, (t) => {
  const namespace = namespaceFor(t);
  namespace.inside(() => openTap('fresh')).close();
  assert.doesNotMatch(namespace.run('ip', 'link'), /fresh/);
  namespace.run('ip', 'tuntap', 'add', 'dev', 'kept', 'mode', 'tap');
  const link = namespace.inside(() => openTap('kept'));
  assert.throws(() => namespace.inside(() => openTap('kept')), /Cannot open the TAP device "kept": EBUSY/);
  link.close();
  assert.match(namespace.run('ip', 'link'), /kept/);
});

test('a TAP link wants an address that the kernel does not hold, and one thread', options, (t) => {
  const namespace = namespaceFor(t);
  namespace.run('ip', 'address', 'add', '198.18.9.1/24', 'dev', 'lo');
  namespace.run('ip', 'link', 'set', 'lo', 'up');
  const open = (address: number, threads: number) =>
    namespace.inside(() =>
      openLink({
        wish: 'tap',
        devices: ['tap0'],
        role: 'server',
        port: 80,
        addresses: Uint32Array.of(address),
        threads,
      }),
    );
  assert.throws(() => open(kernelAddress, 1), /"tap0" with an address that the kernel holds/);
  assert.throws(() => open(stackAddress, 2), /openLink\(\) is for 1 thread/);
});
