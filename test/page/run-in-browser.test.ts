/** A real, short run, watched in Chromium from its first second to its last: what is shown is what was measured. */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openPage } from '../../cli/page-option.ts';
import { parseTrialHistograms } from '../../coordinator/histogram-file.ts';
import { metrics } from '../../coordinator/judge/metrics.ts';
import { boundedFigure, difference, duration, interval, scaled } from '../../coordinator/report/figures.ts';
import { verdictSigns } from '../../coordinator/report/words.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { comparisonSchema } from '../../protocol/comparison-record.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { latencyNames, type TrialRecord, trialRecordSchema } from '../../protocol/trial-record.ts';
import { folderFor, scenarioFile, stampede, startStampede } from '../cli/stampede-process.ts';
import { evaluated, launch, opened, skip, until } from './browser.ts';
import { LiveClient } from './live-client.ts';

/** Between a browser and a server: what goes through can be cut off, as a server or a network would. */
async function cuttableWay(to: number) {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on('error', () => {});
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    port: (server.address() as { port: number }).port,
    cut: () => {
      for (const socket of open) socket.destroy();
    },
    close: () => {
      for (const socket of open) socket.destroy();
      server.close();
    },
  };
}

const token = 'a-token-of-thirty-characters-x';

test('a run is shown as it happens, cut off and all, and what stands there in the end is what was committed', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const scratch = await folderFor(t);
  const out = join(scratch, 'out');
  const scenario = await scenarioFile(scratch, {
    question: 'Which of <script>document.title = "pwned"</script><img src=x onerror="alert(1)"> is it?',
    factors: { variant: ['single-queue', 'reuseport'], rate: 200, close: 'client-rst' },
    warmUpSeconds: 0.1,
    measuredSeconds: 1.4,
    blocks: 2,
  });
  const browser = await launch();
  t.after(() => browser.close());
  const run = startStampede(['run', scenario, '--out', out], { STAMPEDE_TOKEN: token });
  let said = '';
  run.child.stderr?.on('data', (text: string) => {
    said += text;
  });
  await run.said(/^page: http:\/\/127\.0\.0\.1:\d+\/ \(asks for the token\)$/m);
  const port = Number(/page: http:\/\/127\.0\.0\.1:(\d+)\//.exec(said)?.[1]);
  const way = await cuttableWay(port);
  t.after(() => way.close());
  const witness = await new LiveClient(port, { authorization: `Bearer ${token}` }).asked();
  const { page, troubles } = await opened(browser, `http://127.0.0.1:${way.port}/`);

  await page.fill('#token', token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#trials td.running', { timeout: 60_000 });
  await until(page, 'document.querySelector("#rates [data-samples]") !== null');
  way.cut();
  await until(page, '/cut off/.test(document.querySelector(".connection").textContent)');
  await until(page, '/live/.test(document.querySelector(".connection").textContent)');
  await page.waitForSelector('#members tbody tr:nth-child(2) .share', { timeout: 30_000 });
  const live = await evaluated<{ headroom: string; clock: string }>(
    page,
    `({ headroom: document.querySelector('#members tbody tr:nth-child(2) td:nth-child(5)').textContent,
        clock: document.querySelector('#members tbody tr:nth-child(2) td:nth-child(6)').textContent })`,
  );
  assert.match(live.headroom, /^ \d+ %/);
  assert.match(
    live.clock,
    /^± [\d.]+ [µm]?s moved [+−][\d.]+ [nµm]?s; counts from \d{4}-\d\d-\d\d \d\d:\d\d UTC$/,
  );

  const { status, stderr } = await run.ended;
  assert.equal(status, 0, stderr);
  assert.ok([1000, 1001].includes(await witness.closed), 'the server says goodbye');
  await until(page, '/run is over/.test(document.querySelector(".connection").textContent)');

  // But for what the browser itself says of a login that is wanted, and of a connection that is cut.
  assert.deepEqual(
    troubles.filter((text) => !/WebSocket connection|ERR_|status of 401/.test(text)),
    [],
  );
  assert.equal(await evaluated(page, 'document.querySelectorAll("script").length'), 1);
  assert.match(await evaluated(page, 'document.title'), /^4\/4 small – Stampede$/);
  assert.match(await evaluated(page, 'document.querySelector("h1").textContent'), /<script>document\.title/);

  const folder = runFolder(out);
  const trials = readFileSync(folder.trials, 'utf8')
    .trim()
    .split('\n')
    .map((line) => trialRecordSchema.parse(JSON.parse(line)));
  assert.equal(trials.length, 4);
  await assertPoints(page, witness, trials);
  for (const trial of trials) {
    const label = await page.getAttribute(`[data-trial="${trial.trial}"]`, 'aria-label');
    const { p50, p99 } = trial.latencySeconds.total ?? { p50: null, p99: null };
    assert.ok(label?.includes(`${scaled(trial.connectionsPerSecond)} connections/s`), label ?? '');
    assert.ok(label?.includes(`p50 ${duration(p50 ?? 0)}, p99 ${duration(p99 ?? 0)}`), label ?? '');
  }
  await assertLatencies(page, out, trials);
  assertSecret(out, said, await page.content());
  await assertVerdicts(page, out);
  assert.match(
    await evaluated(page, 'document.querySelector("#top .now code").textContent'),
    new RegExp(`^stampede view ${out}$`),
  );
  assert.match(
    await evaluated(page, 'document.querySelector("#announced").textContent'),
    /^The run is over: complete\./,
  );
});

/** The token is in no file of the run, in nothing that was said, and not in the page. */
function assertSecret(out: string, ...texts: readonly string[]): void {
  const files = readdirSync(out, { recursive: true, encoding: 'utf8' })
    .map((name) => join(out, name))
    .filter((path) => statSync(path).isFile());
  assert.ok(files.length >= 10);
  for (const text of [...texts, ...files.map((path) => readFileSync(path, 'utf8'))])
    assert.ok(!text.includes(token), text.slice(0, 200));
}

type Page = Awaited<ReturnType<typeof opened>>['page'];

/** Every second that anybody told of is a dot, though the page was away for a while. */
async function assertPoints(page: Page, witness: LiveClient, trials: readonly TrialRecord[]): Promise<void> {
  const { samples } = witness;
  assert.ok(samples.length >= trials.length, `${samples.length} samples`);
  const shown = await evaluated<{ dots: number; said: string }>(
    page,
    `({ dots: [...document.querySelectorAll('#rates .chart .dots')].map((one) => (one.getAttribute('d').match(/h0/g) ?? []).length).reduce((a, b) => a + b, 0),
        said: document.querySelector('[data-samples]').getAttribute('data-samples') })`,
  );
  assert.deepEqual(shown, { dots: samples.length, said: String(samples.length) });
  // What an agent told of whole seconds is part of what it told of the trial.
  const told = samples.reduce((sum, { completed }) => sum + completed, 0);
  const committed = trials.reduce((sum, { connections }) => sum + connections.completed, 0);
  assert.ok(told > 0.4 * committed && told < 1.6 * committed, `${told} told, ${committed} committed`);
}

async function assertLatencies(page: Page, out: string, trials: readonly TrialRecord[]): Promise<void> {
  for (const variant of ['single-queue', 'reuseport'])
    for (const name of latencyNames) {
      const merged = new LatencyHistogram();
      for (const { trial } of trials.filter(({ cell }) => cell.variant === variant)) {
        const text = readFileSync(join(runFolder(out).histograms, `${trial}.json`), 'utf8');
        const histogram = parseTrialHistograms(JSON.parse(text))[name];
        if (histogram !== null) merged.merge(histogram);
      }
      const row = await page.$$eval(`[data-latency="${variant} ${name}"] td.number`, (cells) =>
        cells.map((cell) => cell.textContent),
      );
      const { p50, p90, p99, p999 } = merged.summary();
      const wanted = merged.count === 0 ? [] : [p50, p90, p99, p999].map((seconds) => duration(seconds ?? 0));
      assert.deepEqual(row, wanted, `${variant} ${name}`);
    }
}

async function assertVerdicts(page: Page, out: string): Promise<void> {
  const { rows, answer } = comparisonSchema.parse(
    JSON.parse(readFileSync(runFolder(out).comparison, 'utf8')),
  );
  assert.ok(rows.length >= 5);
  for (const row of rows) {
    const shown = await page.$$eval(`[data-metric="${row.metric}"] [role=cell]`, (cells) =>
      cells.map((cell) => cell.textContent),
    );
    assert.deepEqual(
      shown,
      [
        boundedFigure(row.metric, row.baselineMedian, row.baselineLimitedBy),
        boundedFigure(row.metric, row.median, row.limitedBy),
        difference(row.ratio),
        interval(row),
        String(row.blocks),
        verdictSigns[row.verdict],
      ],
      metrics[row.metric].title,
    );
  }
  const said = await evaluated<string[]>(
    page,
    '[...document.querySelectorAll(".answer p")].map((one) => one.textContent)',
  );
  assert.deepEqual(said, ['The answer, on 2 blocks', answer]);
}

test('off loopback nothing is started without a token', { timeout: 60_000 }, async (t) => {
  const scratch = await folderFor(t);
  const out = join(scratch, 'out');
  const scenario = await scenarioFile(scratch);
  const { status, stderr } = await stampede('run', scenario, '--page', '0.0.0.0:0', '--out', out);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /no token; wanted one in STAMPEDE_TOKEN/);
  assert.ok(!existsSync(out));
});

test('openPage() serves none where none is wanted, or where nobody would learn of it', async () => {
  const folder = runFolder('/nowhere/run');
  const said: string[] = [];
  const say = (text: string) => said.push(text);
  const place = { folder, token: null, say };
  assert.equal(await openPage({ page: false }, place), null);
  assert.equal(await openPage({ quiet: true }, place), null);
  assert.deepEqual(said, []);
  const page = await openPage({ quiet: true, page: '0' }, place);
  await page?.close();
  assert.match(page?.where ?? '', /^page: http:\/\/127\.0\.0\.1:\d+\/$/);
  assert.deepEqual(said, [], 'where it is, is said once the run is there');
});
