import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listening, stackAddress } from './script.ts';

const closedPort = 81;

for (const flags of ['.', 'F.', 'S.', 'P.', 'FPU.'])
  test(`B16: ${flags} to LISTEN is answered by a RST with the number it acknowledges, and no ACK`, () => {
    const script = listening();
    script.say(flags, { seq: 500, ack: 77 });
    assert.deepEqual(script.heard(), ['R 77']);
  });

for (const flags of ['R', 'R.'])
  test(`B17: ${flags} to LISTEN meets silence`, () => {
    const script = listening();
    script.say(flags, { seq: 500, ack: 77 });
    assert.deepEqual(script.heard(), []);
  });

for (const [name, flags] of [
  ['FIN', 'F'],
  ['no flag at all', ''],
  ['FIN, URG and PSH', 'FPU'],
] as const)
  test(`B18: ${name} to LISTEN meets silence`, () => {
    const script = listening();
    script.say(flags, { seq: 500 });
    assert.deepEqual(script.heard(), []);
  });

test('B19: SYN and FIN together are dropped', () => {
  const script = listening();
  script.say('SF', { seq: 0 });
  assert.deepEqual(script.heard(), []);
  assert.equal(script.stack.counters.drops.badSyn, 1);
});

test('B20: SYN and RST together meet silence', () => {
  const script = listening();
  script.say('SR', { seq: 0 });
  assert.deepEqual(script.heard(), []);
});

test('B21: a SYN to a closed port is answered by RST+ACK', () => {
  const script = listening();
  script.say('S', { seq: 0, toPort: closedPort });
  const [reset] = script.segments();
  assert.deepEqual([reset.flags, reset.rawSeq, reset.ack], ['R.', 0, 1]);
  script.say('S', { seq: 0, toPort: closedPort, data: 'early' });
  assert.equal(script.segments()[0].ack, 6);
});

test('B22: a RST to a closed port meets silence', () => {
  const script = listening();
  script.say('R', { seq: 0, toPort: closedPort });
  script.say('R.', { seq: 0, ack: 5, toPort: closedPort });
  assert.deepEqual(script.heard(), []);
});

test('an ACK to a closed port is answered by a RST with its number', () => {
  const script = listening();
  script.say('.', { seq: 0, ack: 5, toPort: closedPort });
  assert.deepEqual(script.heard(), ['R 5']);
});

for (const [name, from] of [
  ['0.0.0.0', 0],
  ['broadcast', 0xffff_ffff],
  ['a group', 0xe000_0001],
  ['loopback', 0x7f00_0001],
  ['our own address', stackAddress],
] as const)
  test(`B23: a SYN from ${name} meets silence`, () => {
    const script = listening();
    script.say('S', { seq: 0, from });
    script.say('S', { seq: 0, from, fromPort: 80 });
    script.say('S', { seq: 0, from, toPort: closedPort });
    assert.deepEqual(script.heard(), []);
    const { badSource, badAddress } = script.stack.counters.drops;
    assert.equal(badSource + badAddress, 3);
  });

for (const [name, to] of [
  ['another host', 0xc612_0009],
  ['broadcast', 0xffff_ffff],
  ['a group', 0xe000_0001],
] as const)
  test(`B23: a SYN to ${name} meets silence`, () => {
    const script = listening();
    script.say('S', { seq: 0, to });
    assert.deepEqual(script.heard(), []);
    assert.equal(script.stack.counters.drops.notForUs, 1);
  });

test('B23: a SYN in a frame to all meets silence', () => {
  const script = listening();
  script.say('S', {
    damage: (memory, at, length) => {
      memory.fill(0xff, at, at + 6);
      return length;
    },
  });
  assert.deepEqual(script.heard(), []);
});

test('listen() on many ports, and unlisten()', () => {
  const script = listening();
  script.stack.listen(closedPort);
  script.say('S', { toPort: closedPort, fromPort: 1 });
  script.stack.unlisten(closedPort);
  script.say('S', { toPort: closedPort, fromPort: 2 });
  assert.deepEqual(
    script.segments().map(({ flags }) => flags),
    ['S.', 'R.'],
  );
});
