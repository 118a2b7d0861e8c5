/**
 * Runs a property for many seeds, always the same ones. What fails says its seed and how to run that seed alone.
 *
 *   STAMPEDE_SEED=17          that seed only
 *   STAMPEDE_SEEDS=1000-1999  those seeds; `5000` means 0-4999
 */

const isCount = /^\d{1,9}$/;
const isRange = /^(\d{1,9})-(\d{1,9})$/;

/**
 * @param count how many seeds the environment's silence means: 0 … count-1.
 * @returns whether at least those were run: so few as one need not reach all there is.
 */
export function forEachSeed(count: number, property: (seed: number) => void): boolean {
  const [first, last] = seedsWanted(count);
  for (let seed = first; seed <= last; seed++) {
    try {
      property(seed);
    } catch (cause) {
      const what = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`Seed ${seed} fails: ${what}\nRun it alone: STAMPEDE_SEED=${seed}`, { cause });
    }
  }
  return last - first + 1 >= count;
}

/** Whether the environment asks for the long form of a test. */
export function isLongRun(): boolean {
  return process.env.STAMPEDE_LONG === '1';
}

function seedsWanted(count: number): readonly [first: number, last: number] {
  const { STAMPEDE_SEED: one, STAMPEDE_SEEDS: many } = process.env;
  if (one !== undefined) {
    if (isCount.test(one)) return [Number(one), Number(one)];
    throw new Error(`Cannot run STAMPEDE_SEED: is ${JSON.stringify(one)}, wanted a whole number`);
  }
  if (many === undefined) return [0, count - 1];
  if (isCount.test(many)) return [0, Number(many) - 1];
  const range = isRange.exec(many);
  if (range !== null) return [Number(range[1]), Number(range[2])];
  throw new Error(
    `Cannot run STAMPEDE_SEEDS: is ${JSON.stringify(many)}, wanted a count or a range: 5000, 1000-1999`,
  );
}
