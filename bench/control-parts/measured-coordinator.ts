/**
 * A process that coordinates one long trial of a cluster, as `stampede run` would, and is measured meanwhile: the whole
 * coordinator, from the plan to the report, and the live page.
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { pageAssets } from '../../cli/page-option.ts';
import { runScenario } from '../../coordinator/coordinator.ts';
import { RunModel } from '../../coordinator/page/run-model.ts';
import { servePage } from '../../coordinator/page/serve-page.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { scenarioSchema } from '../../protocol/scenario.ts';
import { ReportWatch, type WatchedReports } from './report-watch.ts';

export interface CoordinatorOrder {
  readonly redisUrl: string;
  readonly folder: string;
  readonly agents: number;
  readonly seconds: number;
  /** Where the address of the live page is written to, whole or not at all. */
  readonly pageAddressFile: string;
}

export interface CoordinatorMeasured extends WatchedReports {
  readonly state: string;
  readonly reason: string | null;
  /** Gaps in the numbers that senders give, by the coordinator's own account. */
  readonly lost: number;
  readonly refused: number;
}

const order = JSON.parse(process.argv[2] ?? '') as CoordinatorOrder;
const scenario = {
  name: 'control',
  lab: 'cluster',
  factors: { variant: 'reuseport', concurrency: 65_536 },
  agents: { count: order.agents },
  warmUpSeconds: 0,
  measuredSeconds: order.seconds,
  blocks: 1,
  attempts: 1,
};
const folder = runFolder(order.folder);
const watch = new ReportWatch();
const model = new RunModel();
const page = await servePage({
  ...{ address: { host: '127.0.0.1', port: 0 }, token: null, folder: folder.path, model },
  assets: pageAssets,
});
writeFileSync(`${order.pageAddressFile}.part`, page.url);
renameSync(`${order.pageAddressFile}.part`, order.pageAddressFile);
const { state, reason } = await runScenario({
  scenario: scenarioSchema.parse(scenario),
  scenarioText: JSON.stringify(scenario),
  folder,
  redisUrl: order.redisUrl,
  memberCommand: [],
  signal: new AbortController().signal,
  onProgress: () => {},
  watchers: [
    {
      see: (event) =>
        event.kind === 'message' && event.message.kind === 'report' && watch.take(event.message),
    },
    model,
  ],
});

await page.close();
const events = readFileSync(folder.events, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as { event: string; startAt?: number });
const startAtMs = (events.find(({ event }) => event === 'start')?.startAt ?? Number.NaN) / 1000;
const { coverage } = JSON.parse(readFileSync(folder.run, 'utf8')) as {
  coverage: { lost: number; refused: Record<string, number> };
};
const measured: CoordinatorMeasured = {
  ...{ state, reason, lost: coverage.lost },
  refused: Object.values(coverage.refused).reduce((sum, count) => sum + count, 0),
  ...watch.result(startAtMs),
};
process.stdout.write(JSON.stringify(measured), () => process.exit(0));
