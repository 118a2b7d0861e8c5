/** Crafted segments at a port that listens, and at one that does not. Numbers are rows of the black-box checklist. */

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import {
  attackedServer,
  attackOn,
  inLab,
  requestBytes,
  responseBytes,
  withScapy,
} from './attacked-server.ts';
import type { Attack } from './crafted-client.ts';
import type { Option } from './scapy-peer.ts';

const attacked = inLab.skip === false ? await attackedServer() : undefined;
const attack = (withScapy.skip === false && attacked ? await attackOn(attacked) : undefined) as Attack;
afterEach(() => attacked?.serve());

const request = Buffer.from(Array.from({ length: requestBytes }, (_, index) => index + 1));
const response = Buffer.alloc(responseBytes, request);

test('SYNs are answered with what they offer (1, 2, 7, 8)', withScapy, async () => {
  const full = await attack.client().halfOpen({
    options: [
      ['MSS', 1460],
      ['SAckOK', { hex: '' }],
      ['Timestamp', [77, 0]],
      ['NOP', null],
      ['WScale', 7],
    ],
  });
  const offered = new Map(full.tcp.options.map(([name, value]) => [name, value]));
  assert.equal(offered.get('MSS'), 1460);
  assert.deepEqual((offered.get('Timestamp') as readonly number[])[1], 77);
  const plain = await attack.established({ options: [] });
  const [answer] = plain.heard;
  const names = answer?.tcp.options.map(([name]) => name) ?? [];
  for (const name of ['WScale', 'SAckOK', 'Timestamp']) assert.ok(!names.includes(name), `${names}`);
  plain.send({ flags: 'PA', data: request });
  plain.seq += requestBytes;
  assert.deepEqual(await plain.untilText(responseBytes), response);
  assert.deepEqual(
    plain.heard.map(({ data }) => data.length / 2).filter((bytes) => bytes > 536),
    [],
  );
});

test(
  'options that nobody knows are skipped, lengths that cannot be end the reading (3, 4)',
  withScapy,
  async () => {
    const unknown: Option[] = [
      [77, { hex: '0102' }],
      [253, { hex: 'f989aa' }],
      ['NOP', null],
      ['MSS', 200],
    ];
    const client = attack.client();
    await client.open({ options: unknown });
    client.send({ flags: 'PA', data: request });
    client.seq += requestBytes;
    assert.deepEqual(await client.untilText(responseBytes), response);
    assert.ok(client.heard.every(({ data }) => data.length / 2 <= 200));
    // A length of 0, of 1, past the header; an MSS of 3 bytes; nothing but fillers; a kind without a length.
    const wrong = [
      '02000000',
      '02010000',
      '0428',
      '08ff0101',
      '02030101',
      '01010101',
      '0101014d',
      'fd000000',
    ];
    for (const hex of wrong) {
      const options = Buffer.from(hex.padEnd(8, '0'), 'hex');
      const other = attack.client();
      const answers = await other.answersTo({
        flags: 'S',
        tcp: { dataofs: 5 + options.length / 4 },
        data: options,
      });
      assert.deepEqual(
        answers.map(({ tcp }) => tcp.flags),
        ['SA'],
        hex,
      );
      other.send({ flags: 'R', seq: other.seq + 1 });
    }
  },
);

test(
  'a tiny MSS is obeyed where it can be meant, and does not make endless tiny segments (5)',
  withScapy,
  async () => {
    for (const [mss, least, most] of [
      [100, 100, 100],
      [5, 48, 536],
      [0, 48, 536],
    ] as const) {
      const client = await attack.established({ options: [['MSS', mss]] });
      client.send({ flags: 'PA', data: request });
      client.seq += requestBytes;
      assert.deepEqual(await client.untilText(responseBytes), response);
      const sizes = client.heard.map(({ data }) => data.length / 2).filter((bytes) => bytes > 0);
      assert.ok(
        sizes.every((bytes) => bytes <= most),
        `${sizes}`,
      );
      assert.ok(
        sizes.slice(0, -1).every((bytes) => bytes >= least),
        `${sizes}`,
      );
    }
  },
);

test('a window scale of 15 is taken as 14 (6)', withScapy, async () => {
  const client = await attack.established({
    options: [
      ['MSS', 1460],
      ['NOP', null],
      ['WScale', 15],
    ],
  });
  // A window of 1 is 16,384: all of the response fits.
  client.send({ flags: 'PA', data: request, window: 1 });
  client.seq += requestBytes;
  assert.deepEqual(await client.untilText(responseBytes, { window: 1 }), response);
});

test('a SYN that comes again is answered the same, and is one connection (9)', withScapy, async () => {
  const client = attack.client();
  const answers = await client.answersTo({ flags: 'S' }, { flags: 'S' }, { flags: 'S' });
  // Those that one turn of the server saw are answered once.
  assert.ok(answers.length >= 1 && answers.length <= 3);
  assert.deepEqual(new Set(answers.map(({ tcp }) => `${tcp.flags} ${tcp.seq} ${tcp.ack}`)).size, 1);
  const again = await client.answersTo({ flags: 'S' });
  assert.deepEqual(
    again.map(({ tcp }) => tcp.seq),
    [answers[0]?.tcp.seq],
  );
});

test('a SYN+ACK that nobody answers is sent again, later and later (10)', withScapy, async () => {
  const client = attack.client();
  await client.halfOpen();
  await client.untilHeard(3);
  const [first, second, third] = client.heard.map(({ atMs }) => atMs) as [number, number, number];
  assert.ok(second - first > 700 && third - second > 1.2 * (second - first), client.trace.join());
  client.send({ flags: 'R' });
});

test(
  'an ACK of what was not sent is refused while half open, by a RST with its number (11)',
  withScapy,
  async () => {
    for (const wrong of [0, 2, 70_000, -1]) {
      const client = attack.client();
      await client.halfOpen();
      const answers = await client.answersTo({ ack: client.ack - 1 + wrong });
      assert.deepEqual(
        answers.map(({ tcp }) => [tcp.flags, tcp.seq]),
        [['R', (client.ack - 1 + wrong) >>> 0]],
      );
      // The connection goes on: its true ACK is taken.
      client.send({ flags: 'PA', data: request });
      client.seq += requestBytes;
      assert.deepEqual(await client.untilText(responseBytes), response);
    }
  },
);

test('data on a SYN is not delivered before the handshake is over, nor twice (12)', withScapy, async () => {
  const client = attack.client();
  const answer = await client.halfOpen({ data: request });
  assert.equal(answer.data, '');
  await attack.passed();
  assert.equal(client.text.length, 0);
  client.send({ flags: 'PA', data: request });
  client.seq += requestBytes;
  assert.deepEqual(await client.untilText(responseBytes), response);
  await attack.passed();
  assert.equal(client.text.length, responseBytes);
});

test(
  'what begins no connection is refused by a RST, or passed over (16, 17, 18, 19, 20)',
  withScapy,
  async () => {
    for (const flags of ['A', 'FA', 'SA', 'PA', 'FPUA']) {
      const client = attack.client();
      const answers = await client.answersTo({ flags, ack: 0x1234_5678 });
      assert.deepEqual(
        answers.map(({ tcp }) => [tcp.flags, tcp.seq]),
        [['R', 0x1234_5678]],
        flags,
      );
    }
    for (const flags of ['R', 'RA', 'F', '', 'UP', 'FPU', 'SF', 'SR', 'SRA', 'SFRPAU', 'SFP', 'EC'])
      assert.deepEqual(await attack.client().answersTo({ flags, ack: 1 }), [], flags);
  },
);

test('the kernel beside answers for ports that are not the server’s (21, 22)', withScapy, async () => {
  const closed = attack.client({ toPort: 1 });
  const answers = await closed.answersTo({ flags: 'S' });
  if (answers.length === 0) await closed.untilHeard(1);
  assert.deepEqual(
    closed.heard.map(({ tcp }) => [tcp.flags, tcp.seq, tcp.ack]),
    [['RA', 0, closed.seq + 1]],
  );
  const reset = attack.client({ toPort: 1 });
  assert.deepEqual(await reset.answersTo({ flags: 'R' }, { flags: 'RA' }), []);
});

test('SYNs from nobody, everybody and oneself are passed over (23)', withScapy, async () => {
  const { peer, target } = attack;
  const before = peer.heard.length;
  const sources = ['0.0.0.0', '0.1.2.3', '127.0.0.1', '224.0.0.1', '239.1.1.1', '255.255.255.255'];
  for (const src of [...sources, target.address]) attack.client().send({ flags: 'S', ip: { src } });
  // LAND: with the port, too.
  attack.client().send({ flags: 'S', ip: { src: target.address }, tcp: { sport: target.port } });
  // To everybody at the device, and to a group.
  for (const hardware of ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:01'])
    attack.client().send({ flags: 'S', hardware });
  await attack.passed();
  const answers = peer.heard.slice(before).filter(({ tcp }) => tcp.flags !== 'R');
  assert.deepEqual(answers, []);
});

test('segments with wrong checksums, lengths and offsets are passed over (36, 37)', withScapy, async () => {
  for (const wrong of [
    { tcp: { chksum: 0x1234 } },
    { ip: { chksum: 0x1234 } },
    { tcp: { dataofs: 4 } },
    { tcp: { dataofs: 0 } },
    { tcp: { dataofs: 15 } },
    { ip: { len: 1400 } },
    { ip: { len: 30 } },
    { ip: { len: 19 } },
    { ip: { ihl: 4 } },
    { ip: { ihl: 15 } },
    { ip: { version: 5 } },
  ])
    assert.deepEqual(await attack.client().answersTo({ flags: 'S', ...wrong }), [], JSON.stringify(wrong));
  const client = await attack.established();
  const spoilt = await client.answersTo(
    { flags: 'PA', data: request, tcp: { chksum: 1 } },
    { flags: 'PA', data: request, ip: { chksum: 1 } },
    { flags: 'RA', tcp: { chksum: 1 } },
  );
  assert.deepEqual(spoilt, []);
  client.send({ flags: 'PA', data: request });
  client.seq += requestBytes;
  assert.deepEqual(await client.untilText(responseBytes), response);
});

test('fragments are never put together (62)', withScapy, async () => {
  const client = attack.client();
  // The first with all of the header, the first with half of it, a later one, one beyond 64 KiB.
  const fragments = [
    { flags: 'MF', frag: 0 },
    { flags: 'MF', frag: 0, len: 28 },
    { flags: 0, frag: 1 },
    { flags: 'MF', frag: 8_191 },
  ];
  for (const ip of fragments)
    assert.deepEqual(await client.answersTo({ flags: 'S', ip }), [], JSON.stringify(ip));
});
