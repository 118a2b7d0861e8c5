/** Crafted segments within connections. Numbers are rows of the black-box checklist. */

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
import type { Attack, CraftedClient } from './crafted-client.ts';
import type { HeardFrame, Option } from './scapy-peer.ts';

const attacked = inLab.skip === false ? await attackedServer() : undefined;
const attack = (withScapy.skip === false && attacked ? await attackOn(attacked) : undefined) as Attack;
afterEach(() => attacked?.serve());

const request = Buffer.from(Array.from({ length: requestBytes }, (_, index) => index + 1));
const response = Buffer.alloc(responseBytes, request);

/** The connection is whole: it answers a request, and this one only. */
async function answers(client: CraftedClient): Promise<void> {
  const before = client.text.length;
  client.send({ flags: 'PA', data: request });
  client.seq += requestBytes;
  const text = await client.untilText(before + responseBytes);
  assert.deepEqual(text.subarray(before), response);
}

/** One ACK that says where both sides are, and carries nothing. */
function isAck(client: CraftedClient, frames: readonly HeardFrame[], seq = client.ack): void {
  assert.deepEqual(
    frames.map(({ tcp, data }) => [tcp.flags, tcp.seq, tcp.ack, data]),
    [['A', seq >>> 0, client.seq >>> 0, '']],
    client.trace.join(),
  );
}

test('a SYN within a connection is answered by an ACK, wherever it is (24)', withScapy, async () => {
  const client = await attack.established();
  for (const distance of [0, 1, 1_000, -1, -100_000, 0x4000_0000])
    isAck(client, await client.answersTo({ flags: 'S', seq: client.seq + distance }));
  isAck(client, await client.answersTo({ flags: 'SA' }));
  await answers(client);
});

test('a RST is believed at exactly the next number only (25, 26, 27)', withScapy, async () => {
  const client = await attack.established();
  for (const inWindow of [1, 2, 5_000])
    for (const flags of ['R', 'RA'])
      isAck(client, await client.answersTo({ flags, seq: client.seq + inWindow }));
  for (const outside of [-1, -5_000, 10_000_000, 0x7fff_ffff])
    assert.deepEqual(await client.answersTo({ flags: 'R', seq: client.seq + outside }), [], `${outside}`);
  await answers(client);
  assert.deepEqual(await client.answersTo({ flags: 'R' }), []);
  // It is gone: what comes now is of no connection.
  const [refusal, ...others] = await client.answersTo({ flags: 'PA', data: request });
  assert.deepEqual([refusal?.tcp.flags, refusal?.tcp.seq, others.length], ['R', client.ack, 0]);
});

test(
  'ACKs of what was never sent, and of long ago, are not taken, nor is their data (28, 29)',
  withScapy,
  async () => {
    const client = await attack.established();
    for (const wrong of [1, 100_000, 0x7000_0000, -100_000, -0x7000_0000]) {
      const heard = await client.answersTo({ flags: 'PA', ack: client.ack + wrong, data: request });
      if (heard.length > 0) isAck(client, heard);
      assert.equal(client.text.length, 0, `${wrong}`);
    }
    await answers(client);
  },
);

test('what is not in the window is answered by an ACK and not delivered (31, 32)', withScapy, async () => {
  const client = await attack.established();
  await answers(client);
  // An old duplicate, the byte of a keep-alive, what was never allowed.
  for (const distance of [-requestBytes, -requestBytes - 40_000, 10_000_000, 0x7fff_0000])
    isAck(client, await client.answersTo({ flags: 'PA', seq: client.seq + distance, data: request }));
  isAck(client, await client.answersTo({ seq: client.seq - 1, data: Buffer.of(0) }));
  isAck(client, await client.answersTo({ flags: 'FA', seq: client.seq - 1 }));
  await answers(client);
  assert.equal(client.text.length, 2 * responseBytes);
});

test('the empty segment of a keep-alive is answered (32)', withScapy, async () => {
  const client = await attack.established();
  isAck(client, await client.answersTo({ seq: client.seq - 1 }));
  await answers(client);
});

test(
  'what comes out of order is acknowledged at once, held, and delivered in order (33)',
  withScapy,
  async () => {
    const client = await attack.established();
    const part = (from: number, to: number) => ({
      flags: 'A',
      seq: client.seq + from,
      data: request.subarray(from, to),
    });
    for (const [from, to] of [
      [48, 64],
      [16, 32],
      [32, 48],
    ] as const)
      isAck(client, await client.answersTo(part(from, to)));
    client.send(part(0, 16));
    client.seq += requestBytes;
    assert.deepEqual(await client.untilText(responseBytes), response);
    // One acknowledgement for all of it: the first thing that was said after the hole was filled.
    const told = client.heard
      .filter(({ tcp }) => tcp.ack > client.seq - requestBytes)
      .map(({ tcp }) => tcp.ack);
    assert.deepEqual([...new Set(told)], [client.seq]);
  },
);

test(
  'pieces that overlap, contain or repeat each other are delivered once, and exactly (34)',
  withScapy,
  async () => {
    const cuts: readonly (readonly (readonly [number, number])[])[] = [
      [
        [0, 40],
        [20, 64],
      ],
      [
        [0, 64],
        [0, 64],
        [10, 20],
      ],
      [
        [20, 40],
        [10, 50],
        [0, 64],
      ],
      [
        [10, 50],
        [20, 40],
        [60, 64],
        [0, 12],
        [45, 61],
      ],
      [
        [8, 16],
        [24, 32],
        [40, 48],
        [0, 60],
        [56, 64],
      ],
      [
        [63, 64],
        [62, 64],
        [61, 64],
        [1, 64],
        [0, 2],
      ],
      [
        [32, 64],
        [32, 64],
        [0, 33],
        [0, 33],
      ],
    ];
    for (const pieces of cuts) {
      const client = await attack.established();
      client.send(
        ...pieces.map(([from, to]) => ({
          flags: 'PA',
          seq: client.seq + from,
          data: request.subarray(from, to),
        })),
      );
      client.seq += requestBytes;
      assert.deepEqual(await client.untilText(responseBytes), response, JSON.stringify(pieces));
      await attack.passed();
      assert.equal(client.text.length, responseBytes);
    }
  },
);

test('of two bytes for one number the same one always wins (34)', withScapy, async () => {
  const seen = new Set<string>();
  for (let turn = 0; turn < 5; turn++) {
    const client = await attack.established();
    const piece = (from: number, to: number, byte: number) => ({
      flags: 'PA',
      seq: client.seq + from,
      data: Buffer.alloc(to - from, byte),
    });
    await client.answersTo(piece(20, 40, 0xaa));
    await client.answersTo(piece(30, 50, 0xbb));
    await client.answersTo(piece(10, 25, 0xcc));
    client.send(piece(0, 64, 0xdd));
    client.seq += requestBytes;
    const text = (await client.untilText(responseBytes)).subarray(0, requestBytes);
    assert.ok(text.every((byte) => [0xaa, 0xbb, 0xcc, 0xdd].includes(byte)));
    assert.deepEqual([text[0], text[63]], [0xdd, 0xdd]);
    seen.add(text.toString('hex'));
  }
  assert.equal(seen.size, 1, [...seen].join('\n'));
});

test('urgent pointers change nothing of the bytes (38)', withScapy, async () => {
  const client = await attack.established();
  for (const urgptr of [0, 1, requestBytes, 1_000, 65_535]) {
    const before = client.text.length;
    client.send({ flags: 'UPA', data: request, tcp: { urgptr } });
    client.seq += requestBytes;
    const text = await client.untilText(before + responseBytes);
    assert.deepEqual(text.subarray(before), response, `${urgptr}`);
  }
});

test('flags that make no sense within a connection do it no harm', withScapy, async () => {
  const client = await attack.established();
  for (const flags of ['', 'U', 'P', 'F', 'FPU', 'EC'])
    assert.deepEqual(await client.answersTo({ flags, data: request }), [], flags);
  for (const flags of ['SF', 'SFPU', 'SFRPAU']) await client.answersTo({ flags, seq: client.seq + 5 });
  client.send({ flags: 'PAEC', data: request });
  client.seq += requestBytes;
  assert.deepEqual(await client.untilText(responseBytes), response);
});

test('a window that is shut is probed, and not overrun; opened, it is used (52)', withScapy, async () => {
  const client = await attack.established();
  client.send({ flags: 'PA', data: request, window: 0 });
  client.seq += requestBytes;
  const isProbe = ({ data, tcp }: HeardFrame): boolean =>
    data.length <= 2 && ((tcp.seq - client.ack) | 0) <= 0 && tcp.ack === client.seq;
  // The ACK of the request, and two probes, each later than the one before.
  const from = client.heard.length;
  await client.untilHeard(from + 4);
  const heard = client.heard.slice(from);
  assert.ok(heard.every(isProbe), client.trace.join());
  const times = heard.slice(-3).map(({ atMs }) => atMs) as [number, number, number];
  assert.ok(times[2] - times[1] > times[1] - times[0], `${times}`);
  client.send({ window: 65_535 });
  assert.deepEqual(await client.untilText(responseBytes), response);
});

test('a window that shrinks to the left is obeyed from then on (52)', withScapy, async () => {
  const client = await attack.established({ options: [['MSS', 100]] });
  const first = client.ack;
  client.send({ flags: 'PA', data: request, window: 300 });
  client.seq += requestBytes;
  await client.untilSent(300);
  // 100 bytes came, and only 50 more may: less than was allowed before.
  client.ack += 100;
  const shrunk = await client.answersTo({ window: 50 });
  assert.deepEqual(
    shrunk.filter(({ tcp, data }) => tcp.seq + data.length / 2 > first + 300),
    [],
  );
  assert.deepEqual(await client.untilText(responseBytes, { window: 65_535 }), response);
});

test(
  'a segment with an old timestamp is dropped and answered, and one without is dropped (7, 55)',
  withScapy,
  async () => {
    const stamp = (value: number): { options: Option[] } => ({
      options: [
        ['NOP', null],
        ['NOP', null],
        ['Timestamp', [value >>> 0, 0]],
      ],
    });
    const client = attack.client();
    await client.halfOpen(stamp(1_000_000));
    client.send({ flags: 'A', ...stamp(1_000_001) });
    await attack.passed();
    for (const old of [1_000_000, 500_000, -1, -0x7000_0000 + 1_000_001]) {
      isAck(client, await client.answersTo({ flags: 'PA', data: request, ...stamp(old) }));
      assert.equal(client.text.length, 0);
    }
    assert.deepEqual(await client.answersTo({ flags: 'PA', data: request }), []);
    client.send({ flags: 'PA', data: request, ...stamp(1_000_002) });
    client.seq += requestBytes;
    assert.deepEqual(await client.untilText(responseBytes, stamp(1_000_003)), response);
    // Every segment has one, and echoes the last that was taken.
    const echoes = client.heard.map(({ tcp }) => tcp.options.find(([name]) => name === 'Timestamp')?.[1]);
    assert.ok(echoes.every((pair) => Array.isArray(pair) && pair[1] >= 1_000_000 && pair[1] <= 1_000_003));
  },
);
