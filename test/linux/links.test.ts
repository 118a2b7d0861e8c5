/** The links to the kernel's devices, each kind by the same questions: real devices, between namespaces made here. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { leaveChecksums } from '../../linux/device-settings.ts';
import { lastErrno } from '../../linux/libc.ts';
import { parseLinkName } from '../../linux/links.ts';
import { allocate } from '../../linux/memory.ts';
import { openLink, openPreparedLink, prepareLink } from '../../linux/open-link.ts';
import {
  bindTo,
  closeDescriptor,
  connect,
  encodeSocketAddress,
  listenOn,
  openTcpSocket,
  SOCK_NONBLOCK,
} from '../../linux/sockets.ts';
import { frameBatch, type KernelLink } from '../../net/links/link.ts';
import { checksumsHold, collect, echoRequest, protocolOf, segmentFrame, send, tcpFlags } from './frames.ts';
import { answered, framesOf, linkOn, pass, port, request, toLeft, watchRight } from './link-ends.ts';
import { inNamespaces, leftAddress, leftHardware, twoNamespaces } from './two-namespaces.ts';

const deviceKinds = ['af_xdp', 'af_packet'] as const;

/** A socket of the kernel's, connected; or on its way, with SOCK_NONBLOCK. */
function kernelConnects(address: string, to: number, flags = 0): number {
  const EINPROGRESS = 115;
  const memory = allocate(16);
  new Uint8Array(memory.buffer).set(encodeSocketAddress(address, to));
  const socket = openTcpSocket('ipv4', flags);
  const returned = connect(socket, Number(memory.address), 16);
  assert.ok(returned === 0 || (flags !== 0 && lastErrno() === EINPROGRESS), `errno ${lastErrno()}`);
  memory.unmap();
  return socket;
}

function droppedOnTheWayOut(device: string): number {
  const line = readFileSync('/proc/thread-self/net/dev', 'latin1')
    .split('\n')
    .find((text) => text.trim().startsWith(`${device}:`));
  return Number(line?.split(':')[1]?.trim().split(/\s+/)[11]);
}

for (const kind of deviceKinds) {
  test(`${kind} carries every frame both ways, byte for byte`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t, { queues: 4 });
    const left = linkOn(t, namespaces, 'left', kind);
    const right = linkOn(t, namespaces, 'right', kind);
    const there = Array.from({ length: 200 }, (_, index) => ({
      ...toLeft,
      fromPort: 1024 + index,
      number: index,
    }));
    pass(right, left, there.map(segmentFrame));
    pass(
      left,
      right,
      there.map((fields) => segmentFrame(answered(fields))),
    );
    assert.deepEqual(
      [left.counters.received, left.counters.transmitted, left.counters.overflows],
      [200, 200, 0],
    );
    assert.equal(left.mtu, 1500);
    assert.deepEqual(left.hardwareAddress, leftHardware);
  });

  test(`${kind} carries 100,000 frames and has all of its own again`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t);
    const left = linkOn(t, namespaces, 'left', kind);
    const right = linkOn(t, namespaces, 'right', kind);
    const before = [framesOf(left), framesOf(right)];
    const frame = segmentFrame(toLeft);
    const batch = frameBatch(64);
    let received = 0;
    for (let sent = 0; sent < 100_000; ) {
      for (let index = 0; index < 50; index++, sent++) assert.ok(send(right, frame));
      right.flush(0);
      while (received < sent) {
        left.wait(10_000_000);
        const count = left.receive(batch, 0);
        assert.ok(count > 0, `${sent - received} frames of ${sent} did not come`);
        for (let index = 0; index < count; index++) left.release(batch.at[index] as number);
        received += count;
      }
    }
    assert.deepEqual([left.counters.received, right.counters.transmitted], [100_000, 100_000]);
    assert.deepEqual([framesOf(left), framesOf(right)], before);
  });

  test(`${kind} counts what a burst was too much for, and goes on`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t);
    const left = linkOn(t, namespaces, 'left', kind);
    const right = linkOn(t, namespaces, 'right', kind);
    const before = [framesOf(left), framesOf(right)];
    let sent = 0;
    for (; sent < 100_000; sent++) {
      assert.ok(send(right, segmentFrame({ ...toLeft, number: sent })));
      if (sent % 64 === 63) right.flush(0);
    }
    right.flush(0);
    const came = collect(left, sent, 200);
    assert.ok(came.length >= 1000, `${came.length} came`);
    assert.ok(came.every(({ number }, index) => index === 0 || number > (came[index - 1]?.number ?? 0)));
    const lost = left.counters.overflows;
    const underway = namespaces.right.inside(() => droppedOnTheWayOut('right'));
    // Between the device and AF_PACKET there are queues of the kernel's, which count for all.
    if (kind === 'af_xdp') assert.equal(came.length + lost + underway, sent);
    else assert.ok(came.length + lost + underway <= sent, `${came.length} came, ${lost} were lost`);
    assert.deepEqual([framesOf(left), framesOf(right)], before);
    pass(right, left, [segmentFrame(toLeft)]);
  });

  test(`${kind} leaves the kernel its ping and its other ports`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t);
    const left = linkOn(t, namespaces, 'left', kind);
    const sockets = [
      namespaces.left.inside(() => {
        const listener = openTcpSocket('ipv4', 0);
        bindTo(listener, '198.18.7.1', port + 1);
        listenOn(listener, 1);
        return listener;
      }),
      namespaces.right.inside(() => kernelConnects('198.18.7.1', port + 1)),
    ];
    t.after(() => sockets.forEach(closeDescriptor));
    const watching = watchRight(t, namespaces);
    assert.ok(send(watching, echoRequest(toLeft)));
    watching.flush(0);
    const replies = collect(watching, 1, 10_000).filter(({ bytes }) => protocolOf(bytes) === 1);
    assert.equal(replies.length, 1);
    assert.equal(left.counters.received, 0);
  });

  test(
    `${kind} gets the kernel's segments with whole checksums, and keeps its own kernel quiet`,
    inNamespaces,
    (t) => {
      const namespaces = twoNamespaces(t);
      // AF_PACKET is told of unfinished checksums; an XDP program is not.
      if (kind === 'af_xdp') namespaces.right.inside(() => leaveChecksums('right', false));
      const left = linkOn(t, namespaces, 'left', kind);
      const watching = watchRight(t, namespaces);
      const clients = namespaces.right.inside(() =>
        [port, port + 1].map((to) => kernelConnects('198.18.7.1', to, SOCK_NONBLOCK)),
      );
      t.after(() => clients.forEach(closeDescriptor));
      const [syn] = collect(left, 1, 10_000);
      assert.ok(syn !== undefined);
      assert.equal(syn.toPort, port);
      assert.equal(tcpFlags(syn.bytes), 0x02);
      assert.ok(checksumsHold(syn.bytes, 0));
      // The kernel refuses the other port. Had it seen the first, that reset would have come before.
      const resets: number[] = [];
      while (!resets.includes(port + 1))
        for (const { bytes, fromPort } of collect(watching, 1, 10_000))
          if (protocolOf(bytes) === 6) {
            assert.equal(tcpFlags(bytes), 0x14);
            resets.push(fromPort);
          }
      assert.deepEqual(resets, [port + 1]);
    },
  );

  test(`${kind} ends with an error when its device is gone`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t);
    const left = linkOn(t, namespaces, 'left', kind);
    const right = linkOn(t, namespaces, 'right', kind);
    left.wait(10_000);
    namespaces.left.run('ip', 'link', 'delete', 'left');
    assert.throws(() => left.wait(60_000_000), /left.* gone, or down/);
    assert.ok(send(right, segmentFrame(toLeft)));
    assert.throws(() => right.flush(0), /Cannot send on "right" \(a device that is gone, or down\): E/);
  });

  test(`${kind} leaves nothing behind: it can be opened again at once, five times`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t);
    const right = linkOn(t, namespaces, 'right', kind);
    for (let time = 0; time < 5; time++) {
      const opened = namespaces.left.inside(() => openLink(request('left', kind)));
      pass(right, opened.link, [segmentFrame({ ...toLeft, number: time })]);
      opened.close();
      opened.close();
    }
    assert.doesNotMatch(namespaces.left.run('ip', '-details', 'link', 'show', 'left'), /xdp/);
  });

  test(`${kind} with several threads gives each connection to one of them`, inNamespaces, (t) => {
    const namespaces = twoNamespaces(t, { queues: 4 });
    const prepared = namespaces.left.inside(() => prepareLink(request('left', kind, 2)));
    t.after(() => prepared.close());
    const links = [0, 1].map((thread) =>
      namespaces.left.inside(() => openPreparedLink(prepared.ground, thread)),
    );
    t.after(() => {
      for (const link of links) link.close();
    });
    const right = linkOn(t, namespaces, 'right', kind);
    const owner = new Map<number, number>();
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 64; index++) {
        const fields = { ...toLeft, fromPort: 2000 + index, number: round };
        assert.ok(send(right, segmentFrame(fields)));
        right.flush(0);
        const came = untilOneCame(links);
        assert.equal(came.fromPort, fields.fromPort);
        assert.equal(owner.get(came.fromPort) ?? came.thread, came.thread, `port ${came.fromPort} moved`);
        owner.set(came.fromPort, came.thread);
        pass(links[came.thread] as KernelLink, right, [segmentFrame(answered(fields))]);
      }
    }
    const ofFirst = [...owner.values()].filter((thread) => thread === 0).length;
    assert.ok(ofFirst > 8 && ofFirst < 56, `${ofFirst} of 64 connections went to the first thread`);
  });
}

test('af_xdp at one end and af_packet at the other carry every frame both ways', inNamespaces, (t) => {
  for (const [leftKind, rightKind] of [
    ['af_xdp', 'af_packet'],
    ['af_packet', 'af_xdp'],
  ] as const) {
    const namespaces = twoNamespaces(t, { queues: 2 });
    const left = linkOn(t, namespaces, 'left', leftKind);
    const right = linkOn(t, namespaces, 'right', rightKind);
    const there = Array.from({ length: 100 }, (_, index) => ({ ...toLeft, fromPort: 1024 + index }));
    pass(right, left, there.map(segmentFrame));
    pass(
      left,
      right,
      there.map((fields) => segmentFrame(answered(fields))),
    );
  }
});

function untilOneCame(links: readonly KernelLink[]): { thread: number; fromPort: number } {
  for (let tries = 0; tries < 10_000; tries++) {
    for (const [thread, link] of links.entries()) {
      const [came] = collect(link, 1, 1);
      if (came !== undefined) return { thread, fromPort: came.fromPort };
    }
  }
  throw new Error('no frame came');
}

test('openLink() says that a stack and the kernel cannot share some of the addresses', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const open = (...addresses: number[]) =>
    namespaces.left.inside(() =>
      openLink({ ...request('left', 'auto'), addresses: Uint32Array.from(addresses) }),
    );
  assert.throws(
    () => open(leftAddress, leftAddress + 1),
    /2 addresses with the kernel: it holds 1 of them; wanted all or none/,
  );
  assert.throws(() => open(leftAddress - 1, leftAddress + 6), /the kernel's 198\.18\.7\.1 lies among them/);
});

test('parseLinkName() takes a kind and a device', () => {
  assert.deepEqual(parseLinkName('tap:tap0'), { wish: 'tap', device: 'tap0' });
  assert.deepEqual(parseLinkName('af_xdp:eth0.5'), { wish: 'af_xdp', device: 'eth0.5' });
  assert.deepEqual(parseLinkName('auto:srv0'), { wish: 'auto', device: 'srv0' });
  for (const wrong of ['', 'tap', 'tap:', 'tun:tap0', 'af_xdp:a b', 'af_packet:a-name-of-sixteen', 'tap:a/b'])
    assert.throws(() => parseLinkName(wrong), /wanted af_xdp:DEVICE/);
});
