/**
 * Start here. A run, from a scenario to a verdict:
 *
 *   plan ─► run folder (locked, new incarnation) ─► Redis, lease on the run ─► lab ─► members
 *        ─► the trials, until each is committed or given up ─► everything closed ─► judged, reported
 *
 * What was opened is closed whatever happens, and what was committed is judged whatever happens. A run that was
 * interrupted is completed by running it again on its folder: the ledger says what is still to do.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { badInput, ExitStatus, Failure, messageOf, runIncomplete } from '../protocol/failure.ts';
import { Closers } from './closing.ts';
import { conclude } from './conclude.ts';
import { openControlPlane } from './control-plane.ts';
import { takePulse } from './control-pulse.ts';
import { openCrew } from './crew.ts';
import { writeWhole } from './durable-file.ts';
import { collectEnvironment } from './environment.ts';
import { openLab } from './labs/open-lab.ts';
import { readMachineFor } from './plan/machine-for-scenario.ts';
import { type Plan, planRun } from './plan/plan.ts';
import { openRunFiles, type RunFiles } from './run-files.ts';
import type { RunOptions, RunOutcome, RunState } from './run-options.ts';
import { saveRun } from './run-state.ts';
import { Schedule } from './schedule.ts';
import { longestAttemptMs } from './trial.ts';
import { Watchers } from './watchers.ts';

export type { Phase, Progress, RunOptions, RunOutcome, RunState } from './run-options.ts';

/** Around the trials: Redis, lab and members up and down. */
const openingMs = 60_000;

/** Why a run ends before its trials do. */
class RunEnded extends Error {
  override readonly name = 'RunEnded';
  readonly state: RunState;
  constructor(state: RunState, reason: string) {
    super(reason);
    this.state = state;
  }
}

/** How the trials went; `error` is what is to be thrown when all is closed. */
interface Ending {
  readonly state: RunState;
  readonly reason: string | null;
  readonly error: unknown;
  /** The same `error`, where nothing had been started yet. */
  readonly refusal: Failure | null;
}

/**
 * Runs a scenario, or completes an interrupted run of it.
 *
 * @throws {Failure} with exit status 2 when nothing was started: an impossible plan, a folder that is not ours, a Redis
 *   that is not fit. A run that this call began is then no more. Whatever goes wrong later is in the outcome.
 */
export async function runScenario(given: RunOptions): Promise<RunOutcome> {
  const watchers = new Watchers(given.watchers ?? [], (text) => given.onProgress({ kind: 'warning', text }));
  const onProgress: RunOptions['onProgress'] = (progress) => {
    given.onProgress(progress);
    watchers.tell({ kind: 'progress', progress });
  };
  const options: RunOptions = { ...given, onProgress };
  const { scenario, scenarioText, folder } = options;
  onProgress({ kind: 'phase', phase: 'opening' });
  const plan = planRun(scenario, await readMachineFor(scenario));
  if (plan.problems.length > 0) throw badInput(plan.problems.join('\n'));
  for (const text of plan.warnings) onProgress({ kind: 'warning', text });

  const filesClosers = new Closers();
  try {
    const files = await openRunFiles(folder, scenario, scenarioText, filesClosers);
    if (files.ledger.repaired !== null) onProgress({ kind: 'warning', text: files.ledger.repaired });
    const committed = [...files.ledger.committed.values()];
    watchers.tell({ kind: 'opened', run: files.record.run, folder, scenario, plan, committed });
    const trials = new Trials(options, plan, files, watchers);
    const ending = await trials.run();
    if (ending.refusal !== null && files.takeBack()) throw ending.refusal;
    const outcome = await finish(options, plan, files, trials, ending);
    if (outcome.comparison !== null)
      watchers.tell({ kind: 'judged', comparison: outcome.comparison, isFinal: true });
    watchers.tell({ kind: 'ended', state: outcome.state, reason: outcome.reason });
    return outcome;
  } catch (error) {
    watchers.tell({ kind: 'ended', state: 'invalid', reason: messageOf(error) });
    throw error;
  } finally {
    await filesClosers.closeAll();
  }
}

/** The part of a run that has processes: from Redis to the last trial, and everything closed again. */
class Trials {
  readonly #options: RunOptions;
  readonly #plan: Plan;
  readonly #files: RunFiles;
  readonly #watchers: Watchers;
  readonly #closers = new Closers();
  readonly #stop = new AbortController();
  #schedule: Schedule | null = null;
  coverage: unknown = null;

  constructor(options: RunOptions, plan: Plan, files: RunFiles, watchers: Watchers) {
    this.#options = options;
    this.#plan = plan;
    this.#files = files;
    this.#watchers = watchers;
  }

  get givenUp(): ReadonlyMap<string, string> {
    return this.#schedule?.givenUp ?? new Map();
  }

  async run(): Promise<Ending> {
    const { ledger } = this.#files;
    const left = this.#plan.trials.filter(({ trial }) => !ledger.committed.has(trial));
    if (left.length === 0) return { state: 'complete', reason: null, error: null, refusal: null };
    const stopWatching = this.#watchForEnd(left.length);
    try {
      const schedule = await this.#open();
      this.#options.onProgress({ kind: 'phase', phase: 'trials' });
      await schedule.run(left);
      return this.#endingOf(null);
    } catch (error) {
      return this.#endingOf(this.#stop.signal.aborted ? this.#stop.signal.reason : error);
    } finally {
      stopWatching();
      this.#options.onProgress({ kind: 'phase', phase: 'closing' });
      for (const text of await this.#closers.closeAll()) this.#warn(`Cannot close ${text}`);
    }
  }

  async #open(): Promise<Schedule> {
    const options = this.#options;
    const files = this.#files;
    const { scenario, onProgress } = options;
    const { run, incarnation } = files.record;
    const stop = this.#stop.signal;

    onProgress({ kind: 'phase', phase: 'redis' });
    const control = await openControlPlane(
      {
        redisUrl: options.redisUrl,
        cores: this.#plan.loadCores,
        ownQueues: this.#plan.lab !== 'cluster',
        run,
        incarnation,
      },
      {
        onMessage: (message) => this.#schedule?.onMessage(message),
        onQuarantine: (sender) => this.#schedule?.onQuarantine(sender),
        onRefusal: (...refused) => this.#schedule?.onRefusal(...refused),
        onForgotten: (reason) => this.#schedule?.onForgotten(reason),
        onLost: (error) => this.#end(error),
        onRedis: (trouble) => {
          files.events.write({ event: trouble === null ? 'redis-back' : 'redis-away', reason: trouble });
          this.#warn(trouble === null ? 'Redis is back' : `Redis is away: ${trouble}`);
        },
        onWarning: (text) => this.#warn(text),
      },
      this.#closers,
    );
    this.#closers.add('the coverage', async () => {
      this.coverage = control.collector.coverage.record();
    });
    stop.throwIfAborted();

    if (this.#plan.lab !== 'cluster') onProgress({ kind: 'phase', phase: 'lab' });
    const lab =
      this.#plan.lab === 'cluster'
        ? null
        : await openLab(this.#plan.lab, {
            agents: scenario.agents.count,
            sourceAddresses: scenario.agents.sourceAddresses,
          });
    if (lab !== null) {
      this.#closers.add('the lab', () => lab.close(), 6_000);
      void lab.broken.then((how) => this.#end(runIncomplete(`The lab broke: ${how}`)));
    }
    const labRecord = { kind: this.#plan.lab, notes: lab?.notes ?? {} };
    await writeWhole(
      options.folder.environment,
      `${JSON.stringify({ ...(await collectEnvironment()), lab: labRecord }, null, 2)}\n`,
    );
    stop.throwIfAborted();

    onProgress({ kind: 'phase', phase: 'members' });
    const crew = openCrew(
      {
        run,
        plan: this.#plan,
        lab,
        agents: scenario.agents.count,
        memberCommand: options.memberCommand,
        redis: control.redis,
        redisUrl: control.redisUrl,
        stop,
      },
      {
        onExit: (name, how) => {
          files.events.write({ event: 'member-ended', actor: name, reason: how });
          this.#warn(`${name} ${how}; it is started again`);
          this.#schedule?.onMemberLost(name, `its process ${how}`);
        },
        onHopeless: (error) => this.#end(error),
      },
      this.#closers,
    );
    if (this.#watchers.isAnyone) {
      const pulse = takePulse(control, (event) => this.#watchers.tell(event));
      this.#closers.add('the pulse of the control plane', () => pulse.stop());
    }
    const { interrupted } = files;
    if (interrupted !== null) await control.orders.endEarlier({ ...interrupted, run });
    this.#schedule = new Schedule({
      ...control,
      ...crew,
      scenario,
      plan: this.#plan,
      lab,
      run,
      incarnation,
      ledger: files.ledger,
      attempts: files.attempts,
      events: files.events,
      onProgress,
      watchers: this.#watchers,
      stop,
    });
    return this.#schedule;
  }

  /** Told to stop, or beyond every deadline of its parts: the run ends either way. */
  #watchForEnd(trials: number): () => void {
    const { signal, scenario } = this.#options;
    const onAbort = () => this.#end(new RunEnded('aborted', 'the run was told to stop'));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const deadline = new AbortController();
    const longestMs = openingMs + trials * scenario.attempts * (longestAttemptMs(scenario) + openingMs);
    // A timer of Node holds 31 bits of milliseconds: 24 days.
    sleep(Math.min(longestMs, 2 ** 31 - 1), undefined, { signal: deadline.signal, ref: false })
      .then(() => this.#end(runIncomplete(`The run did not end within ${Math.round(longestMs / 1000)} s`)))
      .catch(() => {});
    return () => {
      signal.removeEventListener('abort', onAbort);
      deadline.abort();
    };
  }

  /** Once: the first reason stands. */
  #end(reason: Error): void {
    if (!this.#stop.signal.aborted) this.#stop.abort(reason);
  }

  #endingOf(error: unknown): Ending {
    if (error instanceof RunEnded)
      return { state: error.state, reason: error.message, error: null, refusal: null };
    if (error instanceof Failure) {
      const refused = error.exitStatus === ExitStatus.badInput && this.#schedule === null;
      const refusal = refused ? error : null;
      return { state: 'invalid', reason: error.message, error: refusal, refusal };
    }
    if (error !== null) return { state: 'invalid', reason: messageOf(error), error, refusal: null };
    if (this.givenUp.size === 0) return { state: 'complete', reason: null, error: null, refusal: null };
    const [[trial, why] = ['', '']] = this.givenUp;
    const others = this.givenUp.size === 1 ? '' : ` (and ${this.givenUp.size - 1} more)`;
    const state = this.#files.ledger.committed.size > 0 ? 'degraded' : 'invalid';
    return { state, reason: `trial ${trial} was given up${others}: ${why}`, error: null, refusal: null };
  }

  #warn(text: string): void {
    this.#options.onProgress({ kind: 'warning', text });
  }
}

/** Judges what there is, and writes down what the run came to. */
async function finish(
  options: RunOptions,
  plan: Plan,
  files: RunFiles,
  trials: Trials,
  ending: Ending,
): Promise<RunOutcome> {
  const { folder, onProgress } = options;
  const { ledger, events, record } = files;
  const records = plan.trials.flatMap(({ trial }) => ledger.committed.get(trial) ?? []);
  if (records.length > 0 && records.every(({ connections }) => connections.completed === 0)) {
    onProgress({
      kind: 'warning',
      text: 'No connection was completed in any trial: the report says of what they failed',
    });
  }
  const outcome = { committed: records.length, planned: plan.trials.length };
  let { state, reason } = ending;
  const save = () =>
    saveRun(folder, {
      ...record,
      ...outcome,
      state,
      reason,
      endedAt: new Date().toISOString(),
      givenUp: Object.fromEntries(trials.givenUp),
      coverage: trials.coverage ?? record.coverage ?? null,
    });
  events.write({ event: 'run-ended', state, reason, ...outcome });
  let comparison: RunOutcome['comparison'] = null;
  try {
    // Before the reports, which read it.
    await save();
    onProgress({ kind: 'phase', phase: 'judging' });
    comparison = await conclude(folder, ledger);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    state = 'invalid';
    reason ??= error.message;
    await save().catch(() => {});
  }
  if (ending.error !== null) throw ending.error;
  return { state, reason, comparison, ...outcome };
}
