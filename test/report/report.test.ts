/** Run folders in, reports out: what they hold, what they survive, how they look in a real browser. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { colours } from '../../coordinator/report/html/palette.ts';
import { writeReports } from '../../coordinator/report/write-reports.ts';
import { comparisonSchema } from '../../protocol/comparison-record.ts';
import { ExitStatus, Failure } from '../../protocol/failure.ts';
import type { RunFolder } from '../../protocol/run-folder.ts';
import { type SyntheticOptions, writeSyntheticRun } from './synthetic-run.ts';

const browser = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const faster = { reuseport: { rate: 23_100, cpuMicroseconds: 40, skew: 1.4 } };

let scratch = '';
let folders = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'stampede-report-'));
});
after(async () => {
  await rm(scratch, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});

function run(options: SyntheticOptions = { truths: faster }): Promise<RunFolder> {
  return writeSyntheticRun(join(scratch, `run${++folders}`), options);
}

test('writeReports() writes a comparison that its schema knows, and three readings of it', async () => {
  const folder = await run();
  const comparison = await writeReports(folder);
  const written = comparisonSchema.parse(JSON.parse(await readFile(folder.comparison, 'utf8')));
  assert.deepEqual(written, comparison);
  for (const path of [folder.reportHtml, folder.reportMarkdown, folder.junit])
    assert.ok((await readFile(path, 'utf8')).length > 500, path);
});

test('writeReports() gives the same bytes again', async () => {
  const folder = await run();
  const read = () =>
    Promise.all(
      [folder.comparison, folder.reportHtml, folder.reportMarkdown, folder.junit].map((path) =>
        readFile(path, 'utf8'),
      ),
    );
  await writeReports(folder);
  const first = await read();
  await writeReports(folder);
  const second = await read();
  assert.ok(
    second.every((text, index) => text === first[index]),
    'a report changed',
  );
});

test('junit.xml fails a broken threshold, skips what is undecided, passes the rest', async () => {
  const folder = await run({
    truths: faster,
    scenario: {
      thresholds: [
        { metric: 'connectionsPerSecond', min: 1_000 },
        { metric: 'latencySeconds.total.p99', variant: 'reuseport', max: 1e-6 },
      ],
    },
  });
  const { rows } = await writeReports(folder);
  const xml = await readFile(folder.junit, 'utf8');
  const count = (pattern: RegExp) => xml.match(pattern)?.length ?? 0;
  assert.equal(count(/<testcase /g), rows.length + 3);
  assert.equal(count(/<failure /g), 1);
  assert.match(xml, /total\.p99 of reuseport is .* ms; wanted at most 1\.00 µs/);
  assert.equal(count(/<skipped /g), rows.filter(({ verdict }) => verdict === 'inconclusive').length);
});

test('reports show lost attempts, what was not measured and why, and the whole environment', async () => {
  const folder = await run();
  await writeReports(folder);
  for (const path of [folder.reportHtml, folder.reportMarkdown]) {
    const text = (await readFile(path, 'utf8')).replaceAll('\\', '');
    assert.match(text, /1 attempt failed or was interrupted/);
    assert.match(text, /SO_INCOMING_CPU is not set on loopback/);
    assert.match(text, /kernel\.sysctls\.net\.core\.somaxconn/);
    assert.match(text, /cpu\.governor/);
  }
  assert.match(await readFile(folder.reportHtml, 'utf8'), /agent a1 was lost: its lease ran out/);
});

test('reports say how many connections failed, of which cause, for each variant that had any', async () => {
  const folder = await run({ truths: { reuseport: { failed: { noPort: 7, reset: 1200 } } } });
  await writeReports(folder);
  for (const path of [folder.reportHtml, folder.reportMarkdown]) {
    const text = await readFile(path, 'utf8');
    assert.match(text, /of [\d,]+ connections to reuseport, 12,000 reset, 70 found no port/i);
    assert.doesNotMatch(text, /of [\d,]+ connections to single-queue/i);
  }
});

test('report.html marks figures that a busy generator made bounds', async () => {
  const folder = await run({
    truths: { 'single-queue': { loadIdle: 0.1 }, reuseport: { loadIdle: 0.1, rate: 23_000 } },
  });
  await writeReports(folder);
  const html = await readFile(folder.reportHtml, 'utf8');
  assert.match(html, /≥ 2\d\.\d k/);
  assert.match(html, /in 20 of 20 trials, the load generator was the limit/);
});

test('reports let nothing from outside become markup', async () => {
  const hostile = '<script>alert(1)</script>"\'&]]>';
  const folder = await run({ truths: faster, scenario: { question: hostile } });
  await writeFile(
    folder.environment,
    JSON.stringify({ [hostile]: hostile, nested: { a: [{ b: hostile }] } }),
  );
  await appendFile(
    folder.attempts,
    `${JSON.stringify({ trial: hostile, attempt: 1, reason: hostile, samples: [] })}\nnot json\n`,
  );
  await writeReports(folder);
  for (const path of [folder.reportHtml, folder.reportMarkdown, folder.junit])
    assert.ok(!/<script>alert/.test(await readFile(path, 'utf8')), path);
  const html = await readFile(folder.reportHtml, 'utf8');
  assert.match(html, /1 lines of attempts\.jsonl could not be read/);
  assert.ok(!/https?:\/\//.test(html.replaceAll('http://www.w3.org/', '')), 'no address of anything outside');
});

test('writeReports() reports on an interrupted run: torn line, no histograms, no environment', async () => {
  const folder = await run({ truths: faster, scenario: { blocks: 6 } });
  await appendFile(folder.trials, '{"schema":"stampede.trial/1","tri');
  await rm(folder.histograms, { recursive: true });
  await unlink(folder.environment);
  await unlink(folder.run);
  const comparison = await writeReports(folder);
  assert.equal(comparison.rows[0].blocks, 6);
  const html = await readFile(folder.reportHtml, 'utf8');
  assert.match(html, /last line of trials\.jsonl is torn/);
  assert.match(html, /histograms of 12 trials are missing/);
  assert.match(html, /It was not recorded/);
});

test('writeReports() reports on a run without a single trial', async () => {
  const folder = await run();
  await writeFile(folder.trials, '');
  const comparison = await writeReports(folder);
  assert.deepEqual(comparison.rows, []);
  assert.match(await readFile(folder.reportHtml, 'utf8'), /No trial was completed, so there is no answer/);
});

test('writeReports() refuses a folder that is no run, and a damaged trial, by name and line', async () => {
  const folder = await run();
  const isBadInput = (pattern: RegExp) => (error: unknown) =>
    error instanceof Failure && error.exitStatus === ExitStatus.badInput && pattern.test(error.message);
  await assert.rejects(
    writeReports({ ...folder, scenario: join(scratch, 'none.yaml') }),
    isBadInput(/has no scenario\.yaml; wanted the folder of a run/),
  );
  const lines = (await readFile(folder.trials, 'utf8')).split('\n');
  await writeFile(folder.trials, [lines[0], '{"schema":"stampede.trial/1"}', ''].join('\n'));
  await assert.rejects(writeReports(folder), isBadInput(/trials\.jsonl", line 2/));
  await writeFile(folder.trials, [lines[0], lines[0], ''].join('\n'));
  await assert.rejects(writeReports(folder), isBadInput(/line 2: trial b01-c01 stands twice/));
});

test('report.html has the contrast that WCAG 2.2 asks for, light and dark', () => {
  const text = ['ink', 'muted', 'link', 'better', 'worse', 'equivalent', 'inconclusive'] as const;
  const marks = Object.keys(colours).filter((name) => /^series|^user|^system|^softirq/.test(name));
  for (const theme of ['light', 'dark'] as const) {
    const against = (name: string, least: number) => {
      const colour = colours[name as keyof typeof colours][theme];
      for (const ground of [colours.page[theme], ...(least > 4 ? [colours.panel[theme]] : [])]) {
        const ratio = contrast(colour, ground);
        assert.ok(ratio >= least, `${name} on ${ground}, ${theme}: ${ratio.toFixed(2)}`);
      }
    };
    for (const name of text) against(name, 4.5);
    for (const name of marks) against(name, 3);
  }
});

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) => {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(one), luminance(other)].sort((left, right) => right - left);
  return (light + 0.05) / (dark + 0.05);
}

test('report.html in Chromium: no request, no error, nothing wider than the screen, every chart described', {
  skip: browser === undefined ? 'no Chromium here: apt-get install chromium' : false,
}, async () => {
  const folder = await run({
    truths: { ...faster, nginx: { rate: 15_000, loadIdle: 0.1, measuresAccepts: false } },
    scenario: {
      application: 'http',
      factors: { variant: ['single-queue', 'reuseport', 'nginx'], cores: 2, concurrency: [32, 128] },
    },
  });
  await writeReports(folder);
  const chrome = await chromium.launch({
    executablePath: browser ?? '',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    for (const width of [390, 1100])
      for (const colorScheme of ['light', 'dark'] as const) {
        const page = await chrome.newPage({ viewport: { width, height: 900 }, colorScheme });
        const troubles: string[] = [];
        page.on('console', (message) => troubles.push(message.text()));
        page.on('pageerror', (error) => troubles.push(error.message));
        page.on('request', (request) => {
          if (!request.url().startsWith('file:')) troubles.push(request.url());
        });
        await page.goto(`file://${folder.reportHtml}`);
        // In the page, so as text: this program has no DOM types.
        const seen = (await page.evaluate(`({
            scrolls: document.documentElement.scrollWidth > innerWidth,
            charts: [...document.querySelectorAll('svg')].filter((svg) => svg.checkVisibility()).length,
            silent: [...document.querySelectorAll('svg')].filter((svg) => !svg.getAttribute('aria-label')).length,
            captions: [...document.querySelectorAll('table')].every((table) => table.caption?.textContent),
            headings: [...document.querySelectorAll('h1')].length,
            ids: new Set([...document.querySelectorAll('[id]')].map(({ id }) => id)).size === document.querySelectorAll('[id]').length,
            unthemed: /#0a00[0-9a-f]{2}/.test(document.documentElement.outerHTML),
            ground: getComputedStyle(document.body).backgroundColor,
          })`)) as Record<string, unknown>;
        assert.deepEqual(troubles, []);
        assert.deepEqual(seen, {
          scrolls: false,
          // Two cells of rate, ratios, four latencies, modes and accepts.
          charts: 17,
          silent: 0,
          captions: true,
          headings: 1,
          ids: true,
          unthemed: false,
          ground: colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 28)',
        });
        await page.close();
      }
  } finally {
    await chrome.close();
  }
});
