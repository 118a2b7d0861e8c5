/**
 * Segments of every kind into connections in every state. Led by coverage: a list of steps that reaches a combination of
 * states, segment, counters and answer that none reached before is kept, and changed further.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../measurement/random.ts';
import { State, stateNames } from '../../net/tcp/states.ts';
import { Draw } from './draw.ts';
import { beginnings, flows, mutated, randomStep, type Step, shortened } from './fuzz-steps.ts';
import { runSteps } from './fuzz-world.ts';
import { forEachSeed } from './seeds.ts';

const runsPerSeed = 600;
const mostSteps = 60;

test('no segments, calls and times, in whatever state, break what always holds', (context) => {
  const states = new Set<number>();
  let covered = 0;
  const isFull = forEachSeed(8, (seed) => {
    const reached = fuzz(seed);
    for (const state of reached.states) states.add(state);
    covered += reached.covered;
  });
  context.diagnostic(`${covered} combinations of states, segment, counters and answer`);
  if (!isFull) return;
  const missed = Object.values(State).filter((state) => state !== State.closed && !states.has(state));
  assert.deepEqual(
    missed.map((state) => stateNames[state]),
    [],
  );
});

function fuzz(seed: number): { readonly covered: number; readonly states: ReadonlySet<number> } {
  const draw = new Draw(seededRandom(seed, 'fuzz'));
  const covered = new Set<string>();
  const states = new Set<number>();
  const kept: (readonly Step[])[] = [[]];
  for (let run = 0; run < runsPerSeed; run++) {
    const flow = draw.upTo(flows.length - 1);
    const base = draw.oneOf(draw.chance(0.2) ? beginnings : kept);
    let steps = mutated(draw, base, draw.oneOf(kept), flow).slice(0, mostSteps);
    while (steps.length < 4 || draw.chance(0.6)) steps = [...steps, randomStep(draw, flow)];
    const result = runOrExplain(steps, seed);
    const before = covered.size;
    for (const combination of result.covered) covered.add(combination);
    for (const state of result.states) states.add(state);
    if (covered.size > before) kept.push(steps);
  }
  return { covered: covered.size, states };
}

/** @throws {Error} with the fewest steps that fail. */
function runOrExplain(steps: readonly Step[], seed: number): ReturnType<typeof runSteps> {
  try {
    return runSteps(steps, seed);
  } catch {
    const shortest = shortened(steps, (fewer) => messageOf(fewer, seed) !== '');
    const lines = shortest.map((step, index) => `  ${index}: ${JSON.stringify(step)}`);
    throw new Error(`${messageOf(shortest, seed)}, in these steps:\n${lines.join('\n')}`);
  }
}

/** Why the steps fail; empty: they do not. */
function messageOf(steps: readonly Step[], seed: number): string {
  try {
    runSteps(steps, seed);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
