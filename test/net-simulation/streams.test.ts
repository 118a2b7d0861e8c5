/**
 * Whatever the network does to frames, as long as it lets some through, every byte arrives once and in order, both ends
 * reach CLOSED, and nothing is held afterwards.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Parts } from '../../net/tcp/settings.ts';
import { ethernetHeaderBytes } from '../../net/wire/ethernet.ts';
import { ipv4View, Protocol, parseIpv4 } from '../../net/wire/ipv4.ts';
import { Flag, parseTcp, tcpView } from '../../net/wire/tcp.ts';
import { Verdict } from '../../net/wire/verdict.ts';
import { heldIn } from './nothing-held.ts';
import { type Conversations, runConversations, type ScenarioOptions } from './random-conversations.ts';
import { forEachSeed } from './seeds.ts';

const hourUs = 3_600e6;

test('a stream arrives whole and in order under any loss, reordering, repetition, damage and delay', () => {
  forEachSeed(500, (seed) => {
    const conversations = runConversations(seed);
    checkStreams(conversations);
    conversations.network.run(hourUs);
    assert.deepEqual(heldIn(conversations.network), []);
  });
});

test('a stream arrives whole where sequence numbers go from 2^32-1 to 0, and from 2^31-1 to 2^31', () => {
  forEachSeed(40, (seed) => {
    const first = firstSequenceNumber(seed, { startUs: 0 });
    const wanted = (seed % 2 === 0 ? 0 : 0x8000_0000) - ((seed * 97) % 2_000);
    // The clock of initial sequence numbers ticks every 4 µs.
    const startUs = 4 * ((wanted - first) >>> 0);
    checkStreams(runConversations(seed, { startUs }));
    assert.equal(firstSequenceNumber(seed, { startUs }), wanted | 0);
  });
});

test('with memory for two large buffers a host, streams still arrive whole', () => {
  let starved = 0;
  const isFull = forEachSeed(100, (seed) => {
    const conversations = runConversations(seed, { largeBuffers: 2 });
    checkStreams(conversations);
    for (const { stack } of conversations.network.hosts) starved += stack.counters.drops.noMemory;
    conversations.network.run(hourUs);
    assert.deepEqual(heldIn(conversations.network), []);
  });
  assert.ok(starved > 0 || !isFull, 'memory was never short');
});

test('a run is its seed: frame by frame the same again, and another with another seed', () => {
  const digest = (seed: number): string => runConversations(seed, { isDigested: true }).network.digest;
  const seeds = [3, 4, 5, 6, 7];
  const digests = seeds.map(digest);
  assert.deepEqual(seeds.map(digest), digests);
  assert.equal(new Set(digests).size, digests.length);
});

test('parts of the stack that only cost time change no frame', () => {
  const usual = {
    flowTable: true,
    preallocation: true,
    eventBatches: true,
    transmitLists: true,
    timerLists: true,
  };
  const digest = (seed: number, parts: Partial<Parts>): string =>
    runConversations(seed, { isDigested: true, parts: { ...usual, ...parts } }).network.digest;
  forEachSeed(30, (seed) => {
    const expected = digest(seed, {});
    for (const part of ['flowTable', 'preallocation'] as const)
      assert.equal(digest(seed, { [part]: false }), expected, part);
  });
});

function checkStreams({ talkers, plans }: Conversations): void {
  const ends = talkers.flatMap((application) => application.ends);
  assert.equal(ends.length, plans.size);
  for (const end of ends) {
    assert.equal(end.failure, 0, `stream ${end.plan.sends}: failed with errno ${end.failure}`);
    assert.equal(end.sentBytes, end.plan.sendBytes, `stream ${end.plan.sends}: written`);
    const expected = plans.get(end.plan.receives)!.sendBytes;
    assert.equal(end.receivedBytes, expected, `stream ${end.plan.receives}: read`);
  }
}

/** Of the first SYN of a run. */
function firstSequenceNumber(seed: number, options: ScenarioOptions): number {
  let first: number | null = null;
  const ip = ipv4View();
  const tcp = tcpView();
  runConversations(seed, {
    ...options,
    watch: (view, at, length) => {
      if (first !== null || parseIpv4(view, at + ethernetHeaderBytes, at + length, ip) !== Verdict.ok) return;
      if (ip.protocol !== Protocol.tcp) return;
      if (parseTcp(view, ip.payloadAt, ip.payloadEnd, ip, tcp) !== Verdict.ok) return;
      if ((tcp.flags & Flag.syn) !== 0) first = tcp.seq;
    },
  });
  assert.ok(first !== null, 'no SYN was sent');
  return first;
}
