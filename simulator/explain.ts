/**
 * Why one design is faster than another: the difference in cycles of core time a connection, as lines that make the whole.
 *
 * Positive: the second design needs less there. It explains the model, not the machine.
 */

import { type CycleLine, cycleLines, type LineKind } from './cycle-lines.ts';
import { runsOf, type SimulateOptions } from './simulator.ts';
import { meanOf } from './statistics.ts';

export interface ExplainOptions extends Omit<SimulateOptions, 'design' | 'cores'> {
  readonly cores: number;
  /** From which design to which. */
  readonly designs: readonly [from: string, to: string];
}

export interface ExplainedLine {
  readonly kind: LineKind;
  readonly of: string;
  /** Cycles of core time a connection. */
  readonly from: number;
  readonly to: number;
  /** from − to. */
  readonly saved: number;
}

export interface Explanation {
  readonly machine: string;
  readonly cores: number;
  readonly designs: readonly [string, string];
  readonly connectionsPerSecond: readonly [from: number, to: number];
  /** All core time a connection; `from − to` is the sum of what the lines save. */
  readonly total: ExplainedLine;
  /** The largest difference first. */
  readonly lines: readonly ExplainedLine[];
}

/** @throws {SimulationInputError} what was asked for does not exist. */
export function explain(options: ExplainOptions): Explanation {
  const { cores, designs, ...common } = options;
  const sides = designs.map((design) => {
    const runs = runsOf({ ...common, design, cores: [cores] }, cores);
    return {
      rate: meanOf(runs.map((run) => run.connectionsPerSecond)),
      total: meanOf(runs.map((run) => run.coreCycles / run.connections)),
      lines: meanLines(runs.map(cycleLines)),
    };
  });
  const [from, to] = sides;
  const keys = [...new Set([...from.lines.keys(), ...to.lines.keys()])];
  const lines = keys.map((key) => lineOf(from.lines.get(key), to.lines.get(key)));
  lines.sort((one, other) => Math.abs(other.saved) - Math.abs(one.saved));
  const total = {
    kind: 'work',
    of: 'all',
    from: from.total,
    to: to.total,
    saved: from.total - to.total,
  } as const;
  assertWhole(total, lines);
  return {
    machine: options.machine.name,
    cores,
    designs,
    connectionsPerSecond: [from.rate, to.rate],
    total,
    lines,
  };
}

/** By kind and name, over the runs of all seeds. */
function meanLines(all: readonly (readonly CycleLine[])[]): Map<string, CycleLine> {
  const mean = new Map<string, CycleLine>();
  for (const lines of all)
    for (const line of lines) {
      const key = `${line.kind} ${line.of}`;
      const before = mean.get(key)?.cyclesPerConnection ?? 0;
      mean.set(key, { ...line, cyclesPerConnection: before + line.cyclesPerConnection / all.length });
    }
  return mean;
}

function lineOf(from: CycleLine | undefined, to: CycleLine | undefined): ExplainedLine {
  const { kind, of } = (from ?? to) as CycleLine;
  const [before, after] = [from?.cyclesPerConnection ?? 0, to?.cyclesPerConnection ?? 0];
  return { kind, of, from: before, to: after, saved: before - after };
}

/** Our mistake, if it does not hold: something was billed twice or not at all. */
function assertWhole(total: ExplainedLine, lines: readonly ExplainedLine[]): void {
  for (const side of ['from', 'to'] as const) {
    const sum = lines.reduce((all, line) => all + line[side], 0);
    if (Math.abs(sum - total[side]) > 1e-6 * Math.abs(total[side]))
      throw new Error(`Lines make ${sum} cycles of ${total[side]} a connection: the breakdown is not whole`);
  }
}
