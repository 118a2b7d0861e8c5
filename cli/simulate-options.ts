/** Options that several `stampede simulate` commands share: numbers with bounds, core counts, and how their mistakes end. */

import { readFile, writeFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { badInput, messageOf } from '../protocol/failure.ts';
import { SimulationInputError } from '../simulator/input-error.ts';

/** More cores than any machine of the coming years has; each is simulated one by one. */
export const mostCores = 1024;

interface Bounds {
  readonly least: number;
  readonly most: number;
  readonly whole?: boolean;
  readonly unit?: string;
}

/** A parser for commander of a number within bounds. */
export function numberBetween({ least, most, whole = false, unit = '' }: Bounds): (text: string) => number {
  const kind = whole ? 'a whole number' : 'a number';
  const [from, to] = [least, most].map((each) => each.toLocaleString('en-US', { maximumFractionDigits: 20 }));
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (!(value >= least && value <= most) || (whole && !Number.isInteger(value)))
      throw new InvalidArgumentError(`Wanted ${kind} from ${from} to ${to}${unit === '' ? '' : ` ${unit}`}.`);
    return value;
  };
}

export function wholeBetween(least: number, most: number): (text: string) => number {
  return numberBetween({ least, most, whole: true });
}

/** "1..48", "8", "1,2,4,8" or "1..8,16,24": core counts that rise, each once. */
export function coreCounts(text: string): readonly number[] {
  const wanted = `Wanted core counts from 1 to ${mostCores}, like 1..48 or 1,2,4,8.`;
  const counts = new Set<number>();
  for (const part of text.split(',')) {
    const [, first, last = first] = /^\s*(\d{1,9})\s*(?:\.\.\s*(\d{1,9})\s*)?$/.exec(part) ?? [];
    if (first === undefined) throw new InvalidArgumentError(wanted);
    const [from, to] = [Number(first), Number(last)];
    if (from < 1 || to > mostCores || from > to) throw new InvalidArgumentError(wanted);
    for (let cores = from; cores <= to; cores++) counts.add(cores);
  }
  return [...counts].sort((one, other) => one - other);
}

/** What the simulator refuses is bad input (exit status 2); everything else is thrown on. */
export async function refusing<Value>(work: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof SimulationInputError) throw badInput(error.message, { cause: error });
    throw error;
  }
}

/** @throws {Failure} when the file cannot be written. */
export async function writePage(path: string, html: string): Promise<void> {
  try {
    await writeFile(path, html);
  } catch (error) {
    throw badInput(`Cannot write the page "${path}": ${messageOf(error)}; wanted a place to write a file.`);
  }
}

/** @throws {Failure} when the file cannot be read. */
export async function readText(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw badInput(`Cannot read the ${what} "${path}": ${messageOf(error)}; wanted a text file.`);
  }
}
