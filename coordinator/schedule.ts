/**
 * The trials of a plan, one after the other, each tried until it commits or is given up.
 *
 *   trial ─► crew there? ─► attempt ─► committed                          ─► next trial
 *                │             └─► void ─► kept in attempts.jsonl ─► again, or given up ─► next trial
 *                └─ nobody comes ─► the run ends
 *
 * Every attempt has a greater epoch than any before it. A server that says that trying again cannot help (no such
 * program, no right) takes its variant out of the run; an agent that says so ends the run.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { DeadlineError } from '../control/connection.ts';
import { type Failure, messageOf, runIncomplete } from '../protocol/failure.ts';
import type { AttemptId, MemberMessage } from '../protocol/messages.ts';
import type { TrialRecord } from '../protocol/trial-record.ts';
import { assembleTrial } from './assemble.ts';
import { AttemptUnderWay } from './attempt.ts';
import { AttemptVoid } from './barrier.ts';
import { InterimJudge } from './interim-judge.ts';
import type { Ledger } from './ledger.ts';
import type { AttemptLog } from './logs.ts';
import type { Crew } from './members.ts';
import type { Ownership } from './ownership.ts';
import { type PlannedTrial, trialOverheadSeconds } from './plan/plan.ts';
import type { Progress } from './run-options.ts';
import { epochOf } from './run-state.ts';
import type { Refusal } from './screening.ts';
import { conductTrial, type Stage } from './trial.ts';
import type { Watchers } from './watchers.ts';

/** Before a trial is tried again: what failed at once would fail at once again. */
const retryPauseMs = 500;
const sayAbortMs = 1_500;

export interface ScheduleParts extends Omit<Stage, 'crew'> {
  readonly run: string;
  readonly incarnation: number;
  readonly ledger: Ledger;
  readonly attempts: AttemptLog;
  readonly ownership: Ownership;
  /** Waits for the members; `gone`: instances that are not to be taken. */
  readonly gather: (gone: ReadonlySet<string>) => Promise<Crew | { readonly missing: string }>;
  /** Tells of members whose lease is lost, until `stop`. */
  readonly watch: (
    crew: Crew,
    onLost: (name: string, instance: string, reason: string) => void,
  ) => { stop(): void };
  /** Puts another process in the place of a member that cannot be used. False where that is not ours to do (a cluster). */
  readonly replace: (name: string) => boolean;
  readonly onProgress: (progress: Progress) => void;
  readonly watchers: Watchers;
  /** Aborted when the run is to end; its reason is thrown. */
  readonly stop: AbortSignal;
}

export class Schedule {
  readonly #parts: ScheduleParts;
  readonly #gone = new Set<string>();
  readonly #givenUp = new Map<string, string>();
  /** Variants no server can be started for, and why. */
  readonly #unable = new Map<string, string>();
  #current: AttemptUnderWay | null = null;
  #attemptCount = 0;
  #secondsEach: number;
  readonly #interim: InterimJudge;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
    this.#interim = new InterimJudge(parts);
    this.#secondsEach = parts.scenario.warmUpSeconds + parts.scenario.measuredSeconds + trialOverheadSeconds;
    parts.stop.addEventListener('abort', () => this.#current?.void(messageOf(parts.stop.reason)), {
      once: true,
    });
  }

  /** Trial → why it was given up. */
  get givenUp(): ReadonlyMap<string, string> {
    return this.#givenUp;
  }

  /** A message that passed the screening. */
  onMessage(message: MemberMessage): void {
    const attempt = this.#current;
    if (attempt === null) return;
    attempt.take(message);
    this.#parts.watchers.tell({ kind: 'message', message });
    if (message.kind !== 'report') {
      const { kind, sender, epoch, sequence } = message;
      this.#parts.events.write({ event: `said-${kind}`, actor: sender, epoch, senderSequence: sequence });
    }
    if (message.kind === 'report' && message.load !== undefined) {
      const { connectionsPerSecond } = attempt;
      this.#parts.onProgress({ kind: 'rate', trial: attempt.id.trial, connectionsPerSecond });
    }
  }

  /** A message that did not; only the first of each kind is logged: there may be very many. */
  onRefusal(refusal: Refusal, why: string, sender: string | null, first: boolean): void {
    if (first) this.#parts.events.write({ event: 'message-refused', refusal, why });
    if (sender !== null) this.#current?.barrier.noteRefusal(sender, `${refusal}, ${why}`);
  }

  /** What a member says cannot be used: the attempt is void, and another process takes its place where possible. */
  onQuarantine(name: string): void {
    const reason = 'too many of its messages were refused';
    if (this.#parts.replace(name)) this.onMemberLost(name, reason);
    else this.#current?.void(`${name} is quarantined: ${reason}`);
  }

  /** The attempt it took part in is void, and this process of that name is not waited for again. */
  onMemberLost(name: string, reason: string): void {
    const attempt = this.#current;
    const member = attempt?.members.find((one) => one.name === name);
    if (attempt === null || member === undefined) return;
    this.#parts.events.write({ event: 'member-lost', actor: name, epoch: attempt.id.epoch, reason });
    if (!this.#gone.has(member.instance)) this.#parts.watchers.tell({ kind: 'lost', member, reason });
    this.#gone.add(member.instance);
    attempt.void(`${name} was lost: ${reason}`);
  }

  /** Redis lost what it held: nobody will finish what it was told. */
  onForgotten(reason: string): void {
    this.#parts.events.write({ event: 'redis-forgot', epoch: this.#current?.id.epoch ?? 0, reason });
    this.#current?.void(reason);
  }

  /** @throws {Failure} when the run cannot go on, and the reason of `stop` when it is told to end. */
  async run(trials: readonly PlannedTrial[]): Promise<void> {
    for (const [place, trial] of trials.entries()) {
      if (place === 0 || trial.block !== trials[place - 1].block)
        this.#interim.betweenBlocks([...this.#parts.ledger.committed.values()]);
      const reason = this.#unable.get(trial.cell.variant) ?? (await this.#untilCommitted(trial));
      if (reason === null) continue;
      this.#givenUp.set(trial.trial, reason);
      this.#parts.events.write({ event: 'trial-given-up', trial: trial.trial, reason });
      this.#parts.onProgress({ kind: 'givenUp', trial: trial.trial, reason });
    }
  }

  /** Null once it is committed; else why it was given up. */
  async #untilCommitted(trial: PlannedTrial): Promise<string | null> {
    const { scenario, attempts, onProgress, stop } = this.#parts;
    let reason = 'never tried';
    for (let tries = 1; tries <= scenario.attempts; tries++) {
      stop.throwIfAborted();
      const number = attempts.lastAttempt(trial.trial) + 1;
      const failure = await this.#attempt(trial, number);
      if (failure === null) return null;
      stop.throwIfAborted();
      reason = failure.message;
      if (failure.final === 'server') {
        this.#unable.set(trial.cell.variant, reason);
        return reason;
      }
      if (failure.final === 'agent') throw this.#cannotGoOn(trial, reason);
      if (tries === scenario.attempts) break;
      onProgress({ kind: 'retry', trial: trial.trial, attempt: number, reason });
      await sleep(retryPauseMs, undefined, { signal: stop }).catch(() => {});
    }
    return `${scenario.attempts} attempts came to nothing; the last: ${reason}`;
  }

  #cannotGoOn(trial: PlannedTrial, reason: string): Failure {
    return runIncomplete(`Cannot go on with trial ${trial.trial}: ${reason}; trying again would not help`);
  }

  /** Null when it committed. */
  async #attempt(trial: PlannedTrial, number: number): Promise<AttemptVoid | null> {
    const { parts, attempt, watch } = await this.#begin(trial, number);
    const began = performance.now();
    let failure: AttemptVoid | null = null;
    try {
      const record = await this.#measure(trial, attempt);
      this.#secondsEach = 0.7 * this.#secondsEach + (0.3 * (performance.now() - began)) / 1000;
      this.#tellCommitted(record);
    } catch (error) {
      if (!(error instanceof AttemptVoid)) throw error;
      failure = error;
    } finally {
      watch.stop();
      this.#current = null;
      parts.collector.expect(null);
    }
    parts.events.write({
      event: 'attempt-ended',
      epoch: attempt.id.epoch,
      trial: trial.trial,
      attempt: number,
      outcome: failure === null ? 'committed' : 'void',
      reason: failure?.message ?? null,
    });
    if (failure !== null) {
      parts.watchers.tell({ kind: 'void', attempt: attempt.id, reason: failure.message });
      await this.#clearAway(attempt, failure);
    }
    this.#failIfUnlogged();
    return failure;
  }

  async #begin(trial: PlannedTrial, number: number) {
    const parts = this.#parts;
    const found = await parts.gather(this.#gone);
    parts.stop.throwIfAborted();
    if (!('server' in found)) {
      throw runIncomplete(`Cannot go on with trial ${trial.trial}: ${found.missing}; wanted all of them`);
    }
    const id: AttemptId = {
      run: parts.run,
      trial: trial.trial,
      attempt: number,
      epoch: epochOf(parts.incarnation, ++this.#attemptCount),
    };
    const attempt = new AttemptUnderWay(id, found);
    parts.events.write({
      event: 'attempt-begun',
      epoch: id.epoch,
      trial: id.trial,
      attempt: number,
      members: attempt.members.map(({ name, instance, host, pid, clock }) => ({
        name,
        instance,
        host,
        pid,
        clock,
      })),
    });
    parts.collector.expect({
      run: parts.run,
      epoch: id.epoch,
      senders: new Set(attempt.members.map(({ name }) => name)),
    });
    this.#current = attempt;
    parts.watchers.tell({ kind: 'members', attempt: id, members: attempt.members });
    const { done, total } = this.#counts();
    parts.onProgress({
      kind: 'trial',
      trial: trial.trial,
      what: describe(trial),
      block: trial.block,
      attempt: number,
      done,
      total,
      secondsLeft: this.#secondsLeft(done, total),
    });
    const watch = parts.watch(found, (name, instance, reason) => {
      this.onMemberLost(name, reason);
      this.#gone.add(instance);
      parts.replace(name);
    });
    return { parts, attempt, watch };
  }

  async #measure(trial: PlannedTrial, attempt: AttemptUnderWay): Promise<TrialRecord> {
    const { ledger, ownership, collector } = this.#parts;
    const stage: Stage = { ...this.#parts, crew: attempt.crew };
    const measured = await conductTrial(stage, trial, attempt.id, attempt.barrier);
    const lost = collector.coverage.attemptNote();
    const { record, histograms, k6 } = assembled(() =>
      assembleTrial({
        trial: trial.trial,
        block: trial.block,
        attempt: attempt.id.attempt,
        cell: trial.cell,
        ...measured,
        ...(lost === null ? {} : { notes: { reports: lost } }),
      }),
    );
    await ledger.commit(record, { histograms, k6 }, async () => {
      if (this.#current !== attempt) throw new AttemptVoid('a later attempt is under way');
      await ownership.fence().catch((error: unknown) => {
        throw error instanceof DeadlineError ? new AttemptVoid(error.message) : error;
      });
    });
    this.#parts.watchers.tell({ kind: 'committed', record, histograms });
    return record;
  }

  #tellCommitted(record: TrialRecord): void {
    const { done, total } = this.#counts();
    this.#parts.onProgress({
      kind: 'committed',
      trial: record.trial,
      done,
      total,
      connectionsPerSecond: record.connectionsPerSecond,
      secondsLeft: this.#secondsLeft(done, total),
    });
  }

  /** Tells the members to stop, takes back what they have not begun, and keeps what is known of the attempt. */
  async #clearAway(attempt: AttemptUnderWay, failure: AttemptVoid): Promise<void> {
    const { orders, attempts } = this.#parts;
    const { id, crew } = attempt;
    await Promise.all([
      orders.say({ kind: 'abort', ...id, reason: failure.message.slice(0, 500) }, sayAbortMs).catch(() => {}),
      orders.withdraw('server', crew.server.name, id),
      ...crew.agents.map(({ name }) => orders.withdraw('agent', name, id)),
    ]);
    await attempts.add({
      trial: id.trial,
      attempt: id.attempt,
      epoch: id.epoch,
      reason: failure.message,
      startedAt: attempt.begunAt,
      endedAt: new Date().toISOString(),
      samples: attempt.samples,
    });
  }

  /** A disk that does not take the event log will not take the ledger either. */
  #failIfUnlogged(): void {
    if (this.#parts.events.failure !== null) throw this.#parts.events.failure;
  }

  #counts(): { done: number; total: number } {
    const { ledger, plan } = this.#parts;
    return {
      done: plan.trials.filter(({ trial }) => ledger.committed.has(trial)).length,
      total: plan.trials.length,
    };
  }

  #secondsLeft(done: number, total: number): number {
    return Math.max(0, total - done - this.#givenUp.size) * this.#secondsEach;
  }
}

/** Results that cannot be put together (a damaged histogram) void the attempt, not the run. */
function assembled<T>(assemble: () => T): T {
  try {
    return assemble();
  } catch (error) {
    throw new AttemptVoid(`the results cannot be put together: ${messageOf(error)}`);
  }
}

function describe({ cell }: PlannedTrial): string {
  const load = cell.rate === null ? `${cell.concurrency} at a time` : `${cell.rate}/s`;
  const cores = cell.cores === 1 ? '1 core' : `${cell.cores} cores`;
  return `${cell.variant}, ${cores}, ${load}`;
}
