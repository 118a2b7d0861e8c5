/**
 * Where the cycles of a connection go, line by line, so that the lines make the whole.
 *
 * Work by step, lines moved by object, locks by waiting, hand-over and what waiters do to the holder, and time with nothing to
 * do: all core time of a run is in exactly one of them.
 */

import { stepNames } from './designs/design.ts';
import { codes } from './engine/program.ts';
import type { Run } from './engine/run.ts';
import { objectNames } from './objects/objects.ts';

export type LineKind = 'work' | 'lines moved' | 'lock wait' | 'lock hand-over' | 'lock polled' | 'idle';

export interface CycleLine {
  readonly kind: LineKind;
  /** The step, object or lock; '' of idle. */
  readonly of: string;
  readonly cyclesPerConnection: number;
}

/** Their sum is `coreCycles / connections` of the run. Lines without a cycle are left out, idle is not. */
export function cycleLines(run: Run): CycleLine[] {
  const { program, engine, connections } = run;
  const { work, moved, polled, waited, handedOver } = engine.accounts;
  const lines = new Map<string, CycleLine>();
  let spent = 0;
  const add = (kind: LineKind, of: string, cycles: number): void => {
    if (cycles === 0) return;
    spent += cycles;
    const key = `${kind} ${of}`;
    const before = lines.get(key)?.cyclesPerConnection ?? 0;
    lines.set(key, { kind, of, cyclesPerConnection: before + cycles / connections });
  };
  for (let pc = 0; pc < program.code.length; pc++) {
    add('work', stepNames[program.step[pc]] ?? 'hand on', work[pc]);
    add('lines moved', objectNames[program.object[pc]], moved[pc]);
    if (program.code[pc] !== codes.lock) continue;
    const lock = program.lockNames[program.lock[pc]];
    add('lock wait', lock, waited[pc]);
    add('lock hand-over', lock, handedOver[pc]);
    add('lock polled', lock, polled[pc]);
  }
  // Steps that were under way when measuring began or ended are billed whole, so a busy core may seem over-busy by one step.
  const idle = { kind: 'idle', of: '', cyclesPerConnection: (run.coreCycles - spent) / connections } as const;
  return [...lines.values(), idle];
}
