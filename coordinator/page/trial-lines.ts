/** The trials of the plan, each with what became of it so far, in parts that are told one by one. */

import type { TrialLine } from '../../protocol/live-page.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import type { PlannedTrial } from '../plan/plan.ts';

const trialsAPart = 100;

type Changed = (part: number, trials: readonly TrialLine[]) => void;

export class TrialLines {
  readonly #lines: TrialLine[];
  readonly #places: ReadonlyMap<string, number>;
  readonly #changed: Changed;

  constructor(
    planned: readonly Pick<PlannedTrial, 'trial' | 'block' | 'cellId'>[],
    cellPlaces: ReadonlyMap<string, number>,
    changed: Changed,
  ) {
    this.#lines = planned.map(({ trial, block, cellId }) => ({
      trial,
      block,
      cell: cellPlaces.get(cellId) ?? 0,
      state: 'waiting',
      attempts: 0,
    }));
    this.#places = new Map(this.#lines.map(({ trial }, place) => [trial, place]));
    this.#changed = changed;
    for (let part = 0; part * trialsAPart < this.#lines.length; part++) this.#tell(part);
  }

  get(trial: string): TrialLine | undefined {
    return this.#lines[this.#places.get(trial) ?? -1];
  }

  /** Blocks that have a committed trial. */
  get blocks(): number {
    return new Set(this.#lines.filter(({ state }) => state === 'committed').map(({ block }) => block)).size;
  }

  begun(trial: string, attempt: number): void {
    this.#change(trial, { state: 'running', attempts: attempt });
  }

  void(trial: string, attempt: number): void {
    this.#change(trial, { state: 'waiting', attempts: attempt });
  }

  givenUp(trial: string, reason: string): void {
    this.#change(trial, { state: 'given-up', reason });
  }

  committed(record: TrialRecord): void {
    const { connections, connectionsPerSecond, latencySeconds, generator, limitedBy } = record;
    this.#change(record.trial, {
      state: 'committed',
      attempts: record.attempt,
      committed: {
        connectionsPerSecond,
        completed: connections.completed,
        failed: Object.values(connections.failed).reduce((sum, count) => sum + count, 0),
        missed: connections.missed,
        p50: latencySeconds.total?.p50 ?? null,
        p99: latencySeconds.total?.p99 ?? null,
        headroom: generator.headroom,
        limitedBy,
      },
    });
  }

  /** Trials that are not of the plan (of an earlier one, with other variants left out) are passed over. */
  #change(trial: string, change: Partial<TrialLine>): void {
    const place = this.#places.get(trial);
    if (place === undefined) return;
    this.#lines[place] = { ...this.#lines[place], ...change };
    this.#tell(Math.floor(place / trialsAPart));
  }

  #tell(part: number): void {
    this.#changed(part, this.#lines.slice(part * trialsAPart, (part + 1) * trialsAPart));
  }
}
