/**
 * Floods on the wire: the server lives, real clients are served, nothing is answered more than once, memory stays.
 * Numbers are rows of the black-box checklist. STAMPEDE_FLOOD=500000 floods with so many frames, for a long run.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AttackedServer, attackedServer, inLab } from './attacked-server.ts';
import { flood } from './flood.ts';

const lab = inLab.skip === false ? await attackedServer() : undefined;
const attacked = lab as AttackedServer;
const longRun = Number(process.env.STAMPEDE_FLOOD ?? 0);
/** Of the whole file, in memory: 64 MiB. */
const mostBytes = 64 * 2 ** 20;
const MiB = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const seed = Number(process.env.SEED ?? 1);

if (lab !== undefined) {
  // The code is warm and the buffers of a connection are touched before memory is looked at.
  for (let turn = 0; turn < 200; turn++) await attacked.serve();
  attacked.server.beginMeasuring();
}

/** While `work` goes on, one honest client after the other. @returns how long each took, in milliseconds. */
async function servedDuring(work: Promise<unknown>, limitMs: number): Promise<number[]> {
  const times: number[] = [];
  let isOver = false;
  const done = work.finally(() => {
    isOver = true;
  });
  while (!isOver) times.push(await attacked.serve(limitMs));
  await done;
  return times.sort((a, b) => a - b);
}

const quantile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;

for (const kind of ['fin', 'rst', 'ack'] as const)
  test(`a flood of forged ${kind.toUpperCase()}s gets one answer each at most (64)`, inLab, async (t) => {
    const wire = attacked.frames();
    const flooding = flood(attacked, { kind, count: longRun || 20_000, perSecond: 100_000, seed });
    const times = await servedDuring(flooding, 20_000);
    await attacked.serve();
    const { sent, seconds } = await flooding;
    const { received } = attacked.frames();
    const back = received - wire.received;
    t.diagnostic(
      `${sent} at ${Math.round(sent / seconds / 1000)} k/s, ${back} frames back; slowest client of ${times.length} ` +
        `${quantile(times, 1).toFixed(1)} ms`,
    );
    // An honest client is sent half a dozen frames.
    const honest = 20 * (times.length + 1);
    assert.ok(back <= sent + honest, `${back} frames back for ${sent}`);
    if (kind === 'rst') assert.ok(back <= honest, `${back} answers to resets`);
    assert.ok(quantile(times, 0.5) < 1_000, `${times}`);
  });

test('a flood of forged SYNs is answered by cookies, and real clients get through it (59)', {
  ...inLab,
  timeout: 300_000,
}, async (t) => {
  const before = attacked.memoryBytes();
  const wire = attacked.frames();
  // Unpaced, a fast machine loses most of them before the server sees them: that is for a long run.
  const pace = longRun > 0 ? {} : { perSecond: 150_000 };
  const flooding = flood(attacked, { kind: 'syn', count: longRun || 100_000, seed, ...pace });
  const times = await servedDuring(flooding, 20_000);
  const afterMs = await attacked.serve();
  const { sent, seconds } = await flooding;
  const grown = attacked.memoryBytes() - before;
  const answered = attacked.frames().received - wire.received;
  t.diagnostic(
    `${sent} SYNs at ${Math.round(sent / seconds / 1000)} k/s, ${answered} frames back; ` +
      `${times.length} clients during it, median ${quantile(times, 0.5).toFixed(1)} ms, ` +
      `slowest ${quantile(times, 1).toFixed(1)} ms; after it ${afterMs.toFixed(1)} ms; ${MiB(grown)} more`,
  );
  // One client may lose its SYN where the device was full: most may not.
  assert.ok(quantile(times, 0.5) < 1_000, `${times}`);
  assert.ok(afterMs < 1_000, `${afterMs} ms`);
  assert.ok(grown <= mostBytes, MiB(grown));
});

test('datagrams of anything at all do no harm (61)', { ...inLab, timeout: 300_000 }, async (t) => {
  const before = attacked.memoryBytes();
  const flooding = flood(attacked, { kind: 'random', count: longRun || 3_000, seed });
  await servedDuring(flooding, 20_000);
  const grown = attacked.memoryBytes() - before;
  t.diagnostic(`seed ${seed}: ${(await flooding).sent} datagrams, ${MiB(grown)} more`);
  assert.ok(grown <= mostBytes, MiB(grown));
});

test('10,000 datagrams that are never completed are not kept (62)', inLab, async (t) => {
  const before = attacked.memoryBytes();
  const flooding = flood(attacked, { kind: 'fragments', count: 40_000, perSecond: 80_000, seed });
  await servedDuring(flooding, 20_000);
  const grown = attacked.memoryBytes() - before;
  t.diagnostic(`${(await flooding).sent} fragments, ${MiB(grown)} more`);
  // Garbage of the collector's included.
  assert.ok(grown <= 16 * 2 ** 20, MiB(grown));
});

test('the records of the server tell of all of it', inLab, async (t) => {
  attacked.server.endMeasuring();
  await attacked.serve();
  const { userLevel: figures } = await attacked.server.finish();
  assert.ok(figures);
  const { cookies, drops, resets, halfOpen } = figures;
  t.diagnostic(JSON.stringify({ cookies, drops, resets, halfOpen }));
  assert.ok(cookies.sent > 1_000, `${cookies.sent} cookies`);
  assert.ok(cookies.accepted > 0);
  assert.ok(halfOpen.most <= 4_096);
  assert.ok(resets.sent > 1_000);
  for (const cause of ['badTcpChecksum', 'badDataOffset', 'noConnection', 'fragment'])
    assert.ok((drops[cause] ?? 0) > 100, `${cause}: ${drops[cause]}`);
});
