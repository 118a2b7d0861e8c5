/**
 * Hosts that vanish, come back with no memory, or reset at a random moment: whoever is left is told, and everything is
 * freed within the configured limits.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../measurement/random.ts';
import { Draw } from './draw.ts';
import { heldIn } from './nothing-held.ts';
import { type Conversations, prepareConversations } from './random-conversations.ts';
import { forEachSeed } from './seeds.ts';

/** Time-outs of seconds, so that an idle peer's absence is noticed within two minutes whatever it was doing. */
const impatient = {
  synRetries: 4,
  synAckRetries: 4,
  dataGiveUpMs: 60_000,
  closedGiveUpMs: 30_000,
  finWait2Ms: 30_000,
  keepAliveMs: 20_000,
  keepAliveIntervalMs: 5_000,
  keepAliveProbes: 3,
  maxRtoMs: 10_000,
  timeWaitMs: 5_000,
} as const;
const limitUs = 120e6;

const ECONNREFUSED = 111;
const ECONNRESET = 104;
const ETIMEDOUT = 110;
/** Nobody answers ARP. */
const EHOSTUNREACH = 113;

test('a peer that vanishes at a random moment is noticed, and all that was held for it is freed', () => {
  forEachSeed(150, (seed) => {
    const draw = new Draw(seededRandom(seed, 'vanishing'));
    const conversations = prepareConversations(seed, { timers: impatient });
    const { network } = conversations;
    network.run(draw.fraction() ** 3 * 5e6);
    const gone = draw.upTo(network.hosts.length);
    network.hosts[gone]!.turnOff();
    network.run(200_000 + limitUs);
    checkLeftAlone(conversations, gone, [0, ETIMEDOUT, EHOSTUNREACH]);
    letRestEnd(conversations, gone);
    assert.deepEqual(heldIn(network), []);
  });
});

test('a peer that comes back knowing nothing resets what it had', () => {
  let resets = 0;
  const isFull = forEachSeed(150, (seed) => {
    const draw = new Draw(seededRandom(seed, 'coming back'));
    const conversations = prepareConversations(seed, { timers: impatient });
    const { network } = conversations;
    network.run(draw.fraction() ** 3 * 5e6);
    const gone = draw.upTo(network.hosts.length);
    const host = network.hosts[gone]!;
    host.turnOff();
    host.application = null;
    network.run(draw.fraction() ** 2 * 30e6);
    host.turnOn();
    network.introduce(host);
    network.run(200_000 + limitUs);
    resets += checkLeftAlone(conversations, gone, [0, ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH]);
    letRestEnd(conversations, gone);
    assert.deepEqual(heldIn(network), []);
  });
  assert.ok(resets > 0 || !isFull, 'no reset was seen');
});

/** All whose peer is gone have ended, with one of these errnos. @returns how many were reset. */
function checkLeftAlone({ talkers, places }: Conversations, gone: number, errnos: number[]): number {
  let resets = 0;
  for (const [index, application] of talkers.entries()) {
    if (index === gone) continue;
    for (const { plan, isClosed, failure } of application.ends) {
      if (places.get(plan.receives) !== gone) continue;
      assert.ok(isClosed, `stream ${plan.sends} still waits`);
      assert.ok(errnos.includes(failure), `errno ${failure}`);
      if (failure === ECONNRESET) resets++;
    }
  }
  return resets;
}

/** Conversations between hosts that stayed come to their end. */
function letRestEnd({ network, talkers }: Conversations, gone: number): void {
  const isOver = (): boolean =>
    talkers.every((application, index) => index === gone || application.openCount === 0);
  network.runUntil(isOver, 24 * 3_600e6);
  network.run(limitUs);
}

test('a reset at a random moment reaches the peer, or its time-outs do, and nothing is held', () => {
  let resets = 0;
  const isFull = forEachSeed(150, (seed) => {
    const draw = new Draw(seededRandom(seed, 'resets'));
    const conversations = prepareConversations(seed, {
      timers: impatient,
      replan: (plan, startUs) =>
        draw.chance(0.6) ? { ...plan, abortsAtUs: startUs + draw.fraction() ** 2 * 3e6 } : plan,
    });
    const { network, talkers } = conversations;
    network.run(3e6 + limitUs);
    const ends = talkers.flatMap((application) => application.ends);
    for (const end of ends) {
      assert.ok(
        [0, ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH].includes(end.failure),
        `errno ${end.failure}`,
      );
      if (end.failure === ECONNRESET) resets++;
    }
    letRestEnd(conversations, -1);
    assert.deepEqual(heldIn(network), []);
  });
  assert.ok(resets > 0 || !isFull, 'no reset was seen');
});
