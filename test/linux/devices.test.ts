import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hardwareAddressOf,
  heldAddresses,
  leaveChecksums,
  leavesChecksums,
  mtuOf,
  queuesOf,
} from '../../linux/device-settings.ts';
import {
  devicesHolding,
  isOwnAddress,
  nextHopTowards,
  parseNeighbours,
  parseRoutes,
  routeTo,
} from '../../linux/devices.ts';
import {
  inNamespaces,
  leftAddress,
  leftHardware,
  rightAddress,
  rightHardware,
  twoNamespaces,
} from './two-namespaces.ts';

const routes = parseRoutes(
  [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'eth0\t0000000A\t00000000\t0001\t0\t0\t100\t0000FFFF\t0\t0\t0',
    'eth1\t0000000A\t00000000\t0001\t0\t0\t50\t0000FFFF\t0\t0\t0',
    'eth2\t0001000A\t00000000\t0000\t0\t0\t0\t00FFFFFF\t0\t0\t0',
    'eth3\t0502000A\t0702000A\t0007\t0\t0\t0\tFFFFFFFF\t0\t0\t0',
    '',
  ].join('\n'),
);

test('routeTo() takes the most special route, then the one of least metric; not one that is down', () => {
  const through = (target: number) => {
    const route = routeTo(routes, target);
    return route === null ? null : [route.device, route.gateway];
  };
  assert.deepEqual(through(0x0a00_0105), ['eth1', 0]);
  assert.deepEqual(through(0x0a00_0205), ['eth3', 0x0a00_0207]);
  assert.deepEqual(through(0xc612_0001), ['eth0', 0x0a00_0001]);
  assert.equal(routeTo(routes.slice(1), 0xc612_0001), null);
});

test('parseNeighbours() leaves out who has not answered', () => {
  const text = [
    'IP address       HW type     Flags       HW address            Mask     Device',
    '198.18.0.1       0x1         0x2         02:c6:12:00:00:01     *        load0',
    '198.18.0.2       0x1         0x0         00:00:00:00:00:00     *        load0',
    '198.18.0.3       0x1         0x6         02:c6:12:00:00:03     *        load0',
    '',
  ].join('\n');
  assert.deepEqual(parseNeighbours(text), [
    { address: 0xc612_0001, device: 'load0', hardwareAddress: Uint8Array.of(2, 0xc6, 0x12, 0, 0, 1) },
    { address: 0xc612_0003, device: 'load0', hardwareAddress: Uint8Array.of(2, 0xc6, 0x12, 0, 0, 3) },
  ]);
});

test('a device says its addresses, its queues and the length of its packets', inNamespaces, (t) => {
  const { left } = twoNamespaces(t, { queues: 3 });
  left.inside(() => {
    assert.deepEqual(hardwareAddressOf('left'), leftHardware);
    assert.equal(mtuOf('left'), 1500);
    assert.deepEqual(queuesOf('left'), { receive: 3, transmit: 3 });
    assert.deepEqual(queuesOf('lo'), { receive: 1, transmit: 1 });
    assert.deepEqual(heldAddresses(), [
      { device: 'lo', address: 0x7f00_0001 },
      { device: 'left', address: leftAddress },
    ]);
    assert.throws(() => mtuOf('nothing'), /Cannot ask for the device "nothing": ENODEV/);
    assert.throws(() => mtuOf('a-name-of-sixteen'), /longer than 15 bytes/);
  });
});

test('leaveChecksums() turns the offload off and on', inNamespaces, (t) => {
  const { left } = twoNamespaces(t);
  const leaves = (): boolean => left.inside(() => leavesChecksums('left'));
  assert.equal(leaves(), true);
  left.inside(() => leaveChecksums('left', false));
  assert.equal(leaves(), false);
  assert.match(left.run('ethtool', '--show-features', 'left'), /^tx-checksumming: off$/m);
  left.inside(() => leaveChecksums('left', true));
  assert.equal(leaves(), true);
});

test('isOwnAddress() knows what is on a device, and what a local route covers', inNamespaces, (t) => {
  const { left } = twoNamespaces(t);
  left.run('ip', 'route', 'add', 'local', '198.18.64.0/22', 'dev', 'lo');
  left.inside(() => {
    assert.equal(isOwnAddress(leftAddress), true);
    assert.equal(isOwnAddress(rightAddress), false);
    assert.equal(isOwnAddress(0xc612_4305), true);
    assert.equal(isOwnAddress(0xc612_4405), false);
  });
});

test(
  'devicesHolding() is the device of an address, or all that lead to the loopback one',
  inNamespaces,
  (t) => {
    const { left } = twoNamespaces(t);
    left.run('ip', 'address', 'add', '198.19.255.1/32', 'dev', 'lo');
    left.run('ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
    left.run('ip', 'link', 'set', 'one', 'up');
    left.inside(() => {
      assert.deepEqual(devicesHolding(leftAddress), ['left']);
      assert.deepEqual(devicesHolding(0xc613_ff01).sort(), ['left', 'one']);
      assert.throws(
        () => devicesHolding(rightAddress),
        /Cannot find the device of 198\.18\.7\.2: no device holds it/,
      );
    });
  },
);

test('nextHopTowards() asks the neighbour, and takes one that was set by hand', inNamespaces, (t) => {
  const { left, right } = twoNamespaces(t);
  left.run('ip', 'route', 'add', '198.19.0.0/16', 'via', '198.18.7.2');
  left.run(...neighbour('198.18.7.9', '02:00:00:00:00:09'));
  left.run('ip', 'route', 'add', '198.18.8.0/24', 'via', '198.18.7.9');
  const hop = { device: 'left', address: rightAddress, hardwareAddress: rightHardware };
  left.inside(() => {
    assert.deepEqual(nextHopTowards(rightAddress), hop);
    assert.deepEqual(nextHopTowards(0xc613_0001), hop);
    assert.deepEqual(nextHopTowards(0xc612_0801), {
      device: 'left',
      address: 0xc612_0709,
      hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 9),
    });
    assert.throws(() => nextHopTowards(leftAddress), /198\.18\.7\.1: it is this machine's own/);
    assert.throws(() => nextHopTowards(0x0808_0808), /no route leads there through a device/);
  });
  right.inside(() => assert.equal(nextHopTowards(leftAddress).device, 'right'));
});

function neighbour(address: string, hardware: string): [string, ...string[]] {
  return ['ip', 'neighbour', 'add', address, 'lladdr', hardware, 'nud', 'permanent', 'dev', 'left'];
}
