/** A model that is told a synthetic run, as much of it as a test wants, and the page that serves it. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { AssembledTrial } from '../../coordinator/assemble.ts';
import { judge } from '../../coordinator/judge/judge.ts';
import { RunModel } from '../../coordinator/page/run-model.ts';
import { type LivePage, type PageOptions, servePage } from '../../coordinator/page/serve-page.ts';
import { namedCells, orderTrials } from '../../coordinator/plan/plan.ts';
import type { Member, MemberMessage } from '../../protocol/messages.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { failureCauses } from '../../protocol/trial-record.ts';
import { type SyntheticOptions, syntheticScenario, syntheticTrials } from '../report/synthetic-run.ts';

export const assets = fileURLToPath(new URL('../../dashboards/page/', import.meta.url));

const none = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as never;

export class ToldRun {
  readonly model = new RunModel();
  readonly trials: readonly AssembledTrial[];
  readonly #scenario;
  #sequence = 0;

  /** @param given two blocks of two variants on two cores, unless it says otherwise. */
  constructor(given: SyntheticOptions = {}) {
    const options = { ...given, scenario: { blocks: 2, ...given.scenario } };
    this.#scenario = syntheticScenario(options.scenario);
    this.trials = syntheticTrials(options);
    const cells = namedCells(this.#scenario).map((named) => ({ ...named, serverCores: [], ports: null }));
    this.model.see({
      kind: 'opened',
      run: 'synthetic-run',
      folder: runFolder('/nowhere/synthetic-run'),
      scenario: this.#scenario,
      plan: {
        lab: 'loopback',
        cells,
        trials: orderTrials(this.#scenario, cells, cells.length),
        loadCores: [0],
        estimatedSeconds: 60,
        problems: [],
        warnings: [],
      },
      committed: [],
    });
  }

  begin(trial: string, attempt = 1): void {
    const id = { run: 'synthetic-run', trial, attempt, epoch: 1 };
    this.model.see({ kind: 'members', attempt: id, members });
  }

  /** A second of one agent. */
  report(trial: string, second: number, completed: number, busy = 0.5): void {
    const message: MemberMessage = {
      kind: 'report',
      run: 'synthetic-run',
      trial,
      attempt: 1,
      epoch: 1,
      sender: 'agent-1',
      sequence: ++this.#sequence,
      second,
      load: { attempted: completed, completed, failed: none, missed: 0 },
      cores: [{ core: 0, user: busy / 2, system: busy / 2, softirq: 0, idle: 1 - busy }],
    };
    this.model.see({ kind: 'message', message });
  }

  /** Of all its trials, whatever was committed. */
  judge(): void {
    const trials = this.trials.map(({ record }) => record);
    const comparison = judge({ run: 'synthetic-run', scenario: this.#scenario, trials });
    this.model.see({ kind: 'judged', comparison, isFinal: true });
  }

  commit({ record, histograms }: AssembledTrial): void {
    this.model.see({ kind: 'committed', record, histograms });
  }
}

const members: readonly Member[] = (['server', 'agent'] as const).map((role) => ({
  role,
  name: `${role}-1`,
  instance: `i-${role}`,
  host: 'lab-1',
  pid: 4_711,
  cores: [0],
  allow: [],
  sourceAddresses: [],
  addresses: [],
  clock: { offsetMicroseconds: 1_796_079_344_123_456, boundMicroseconds: 85 },
}));

/** Served until the test is over; the runs beside it are those of an empty folder, or of `folder`'s. */
export async function servedPage(
  t: Pick<TestContext, 'after'>,
  model: RunModel,
  options: Partial<PageOptions> = {},
): Promise<LivePage & { readonly port: number }> {
  const scratch = await mkdtemp(join(tmpdir(), 'stampede-page-'));
  const page = await servePage({
    address: { host: '127.0.0.1', port: 0 },
    token: null,
    assets,
    folder: join(scratch, 'this'),
    model,
    ...options,
  });
  t.after(async () => {
    await page.close();
    await rm(scratch, { recursive: true, force: true });
  });
  return { ...page, port: Number(new URL(page.url).port) };
}
