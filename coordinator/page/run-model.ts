/**
 * What a live page shows of a run: made of what a watcher is told, kept as documents that say what changed. It is told
 * things in the middle of a run, so it only notes them; turning them into text waits until somebody looks.
 */

import type { Comparison } from '../../protocol/comparison-record.ts';
import type { RunOutline, RunProgress } from '../../protocol/live-page.ts';
import type { MemberMessage } from '../../protocol/messages.ts';
import { baselineOf, headlineMetricOf, type Scenario } from '../../protocol/scenario.ts';
import type { TrialRecord } from '../../protocol/trial-record.ts';
import { type Latencies, parseTrialHistograms } from '../histogram-file.ts';
import { conditionsKey, conditionsOf } from '../judge/pairs.ts';
import type { PlannedCell, PlannedTrial } from '../plan/plan.ts';
import type { Progress } from '../run-options.ts';
import type { RunEvent, RunWatcher } from '../watchers.ts';
import { CellTally } from './cell-figures.ts';
import { ChangeLog } from './change-log.ts';
import { forEarlierTrials } from './earlier-trials.ts';
import { MemberLines } from './member-lines.ts';
import { RateSeries } from './rate-series.ts';
import { TrialLines } from './trial-lines.ts';
import { TroubleLog } from './trouble-log.ts';
import { VerdictDocuments } from './verdict-documents.ts';

/** Each may hold four histograms of 229 KB: of more cells than this only trials and verdicts are told. */
const mostFollowed = 24;

/** What is needed of a plan. */
export interface PlanOutline {
  readonly lab: string;
  readonly cells: readonly Pick<PlannedCell, 'id' | 'cell'>[];
  readonly trials: readonly Pick<PlannedTrial, 'trial' | 'block' | 'cellId'>[];
}

export interface Opened {
  readonly run: string;
  readonly folder: { readonly path: string };
  readonly scenario: Scenario;
  readonly plan: PlanOutline;
  readonly committed: readonly TrialRecord[];
}

/** What there is once the run has a plan. */
interface Open {
  readonly scenario: Scenario;
  readonly followed: number;
  readonly trials: TrialLines;
  readonly verdicts: VerdictDocuments;
  readonly cells: Map<number, CellTally>;
}

export class RunModel implements RunWatcher {
  readonly log = new ChangeLog();
  readonly #told: RunOutline['told'];
  readonly #nowMs: () => number;
  readonly #members = new MemberLines();
  readonly #troubles = new TroubleLog();
  readonly #rates = new RateSeries((part, samples) => this.log.put(`rates/${part}`, samples));
  #open: Open | null = null;
  #beganAtMs: number;
  #progress: RunProgress = {
    phase: 'opening',
    underWay: null,
    done: 0,
    total: 0,
    secondsLeft: null,
    connectionsPerSecond: null,
  };

  constructor(told: RunOutline['told'] = 'live', nowMs: () => number = Date.now) {
    this.#told = told;
    this.#nowMs = nowMs;
    this.#beganAtMs = nowMs();
    this.log.put('progress', this.#progress);
  }

  see(event: RunEvent): void {
    switch (event.kind) {
      case 'opened':
        this.opened(event);
        void forEarlierTrials(event.folder, event.committed, (...trial) => this.addLatencies(...trial));
        break;
      case 'progress':
        this.#seeProgress(event.progress);
        break;
      case 'members':
        this.#open?.trials.begun(event.attempt.trial, event.attempt.attempt);
        this.#rates.beginAttempt();
        this.#members.gather(event.members);
        this.log.put('members', this.#members.lines);
        break;
      case 'message':
        if (event.message.kind === 'report') this.#seeReport(event.message);
        break;
      case 'committed':
        this.committed(event.record, parseTrialHistograms(event.histograms));
        break;
      case 'void':
        this.voided(event.attempt.trial, event.attempt.attempt, event.reason);
        break;
      case 'control': {
        const { kind: _, ...health } = event;
        this.log.put('control', health);
        break;
      }
      case 'judged':
        this.judged(event.comparison, event.isFinal);
        break;
      case 'ended':
        this.ended(event.state, event.reason);
        break;
    }
  }

  opened({ run, folder, scenario, plan, committed }: Opened): void {
    for (const { startedAt } of committed) this.#beganAtMs = Math.min(this.#beganAtMs, Date.parse(startedAt));
    const conditions = new Map(
      plan.cells.map(({ cell }) => [conditionsKey(conditionsOf(cell)), conditionsOf(cell)]),
    );
    const places = new Map([...conditions.keys()].map((key, place) => [key, place]));
    const followed = Math.min(plan.cells.length, mostFollowed);
    this.log.put('run', {
      run,
      name: scenario.name,
      question: scenario.question ?? null,
      folder: folder.path,
      told: this.#told,
      lab: plan.lab,
      variants: scenario.factors.variant,
      baseline: baselineOf(scenario),
      headline: headlineMetricOf(scenario),
      blocks: scenario.blocks,
      warmUpSeconds: scenario.warmUpSeconds,
      measuredSeconds: scenario.measuredSeconds,
      smallestDifference: scenario.smallestDifference,
      confidence: scenario.confidence,
      startedAt: new Date(this.#beganAtMs).toISOString(),
      cells: plan.cells.map(({ id, cell }) => ({
        id,
        cell,
        conditions: places.get(conditionsKey(conditionsOf(cell))) ?? 0,
      })),
      conditions: [...conditions.values()],
      followedCells: followed,
    });
    this.#open = {
      scenario,
      followed,
      trials: new TrialLines(
        plan.trials,
        new Map(plan.cells.map(({ id }, place) => [id, place])),
        (part, lines) => this.log.put(`trials/${part}`, lines),
      ),
      verdicts: new VerdictDocuments(headlineMetricOf(scenario), places, (key, document) =>
        this.log.put(key, document),
      ),
      cells: new Map(),
    };
    this.#tellProgress({ total: plan.trials.length, done: 0 });
    for (const record of committed) this.committed(record, null);
  }

  /** `latencies`: null when they are not known, or come later. */
  committed(record: TrialRecord, latencies: Latencies | null): void {
    const open = this.#open;
    if (open === null) return;
    open.trials.committed(record);
    const cell = open.trials.get(record.trial)?.cell;
    if (cell === undefined) return;
    if (!this.#rates.hasMeasured) this.#addWhole(record, cell);
    this.#rates.beginAttempt();
    this.#tellProgress({ done: this.#progress.done + 1, underWay: null, connectionsPerSecond: null });
    if (cell >= open.followed) return;
    const tally = open.cells.get(cell) ?? new CellTally();
    open.cells.set(cell, tally);
    tally.add(record, latencies);
    this.log.put(`cells/${cell}`, tally.figures());
  }

  /** Of a trial that was committed before this program began. */
  addLatencies(trial: string, latencies: Latencies): void {
    const cell = this.#open?.trials.get(trial)?.cell ?? -1;
    const tally = this.#open?.cells.get(cell);
    if (tally === undefined) return;
    tally.addLatencies(latencies);
    this.log.put(`cells/${cell}`, tally.figures());
  }

  judged(comparison: Comparison, isFinal: boolean): void {
    const open = this.#open;
    open?.verdicts.judged(comparison, { isFinal, blocks: open.trials.blocks });
  }

  voided(trial: string, attempt: number, reason: string): void {
    this.#open?.trials.void(trial, attempt);
    this.#rates.voidAttempt();
    this.#note('void', `${trial}, attempt ${attempt}: ${reason}`);
    this.#tellProgress({ underWay: null, connectionsPerSecond: null });
  }

  ended(state: string, reason: string | null): void {
    this.#tellProgress({ underWay: null, secondsLeft: null, connectionsPerSecond: null });
    this.log.put('ended', { state, reason, isReported: this.#progress.done > 0 });
  }

  givenUp(trial: string, reason: string): void {
    this.#open?.trials.givenUp(trial, reason);
    this.#note('given-up', `${trial} was given up: ${reason}`);
  }

  #seeProgress(progress: Progress): void {
    switch (progress.kind) {
      case 'phase':
        this.#tellProgress({ phase: progress.phase });
        break;
      case 'trial': {
        const { trial, what, attempt, secondsLeft } = progress;
        this.#tellProgress({ underWay: { trial, what, attempt }, secondsLeft });
        break;
      }
      case 'rate':
        this.#tellProgress({ connectionsPerSecond: progress.connectionsPerSecond });
        break;
      case 'committed':
        this.#tellProgress({ secondsLeft: progress.secondsLeft });
        break;
      case 'givenUp':
        this.givenUp(progress.trial, progress.reason);
        break;
      case 'warning':
        this.#note('warning', progress.text);
        break;
      case 'retry':
        // Told as a void attempt already.
        break;
    }
  }

  #seeReport(message: Extract<MemberMessage, { kind: 'report' }>): void {
    const open = this.#open;
    if (open === null) return;
    if (this.#members.report(message)) this.log.put('members', this.#members.lines);
    const cell = open.trials.get(message.trial)?.cell;
    if (cell === undefined || message.load === undefined) return;
    const { completed, failed, missed } = message.load;
    this.#rates.report({
      at: this.#sinceBegin(this.#nowMs()) - 0.5,
      cell,
      second: message.second,
      // Of a second that is part of both, what it is more of.
      phase: message.second + 0.5 < open.scenario.warmUpSeconds ? 'warm-up' : 'measured',
      completed,
      failed: Object.values(failed).reduce((sum, count) => sum + count, 0),
      missed,
    });
  }

  /** A trial that was too short for reports, or that ran before anybody watched: one sample. */
  #addWhole(record: TrialRecord, cell: number): void {
    const { connections, connectionsPerSecond, measuredSeconds, startedAt } = record;
    this.#rates.add({
      at:
        this.#sinceBegin(Date.parse(startedAt)) +
        (this.#open?.scenario.warmUpSeconds ?? 0) +
        measuredSeconds / 2,
      cell,
      seconds: measuredSeconds,
      completed: Math.round(connectionsPerSecond * measuredSeconds),
      failed: Object.values(connections.failed).reduce((sum, count) => sum + count, 0),
      missed: connections.missed,
      phase: 'trial',
    });
  }

  #tellProgress(change: Partial<RunProgress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.log.put('progress', this.#progress);
  }

  #note(kind: 'void' | 'given-up' | 'warning', text: string): void {
    this.#troubles.add({ at: this.#sinceBegin(this.#nowMs()), kind, text });
    this.log.put('troubles', this.#troubles.troubles);
  }

  /** Seconds, to a hundredth. */
  #sinceBegin(atMs: number): number {
    return Math.round((atMs - this.#beganAtMs) / 10) / 100;
  }
}
