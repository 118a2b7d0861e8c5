/** `stampede view`: a finished run in a browser, on any screen, in any theme, by keyboard; and what it refuses. */

import assert from 'node:assert/strict';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { rendererSeconds } from '../../bench/control-parts/page-watch.ts';
import { writeReports } from '../../coordinator/report/write-reports.ts';
import type { RunFolder } from '../../protocol/run-folder.ts';
import { folderFor, type Started, stampede, startStampede } from '../cli/stampede-process.ts';
import { writeSyntheticRun } from '../report/synthetic-run.ts';
import { accessibilityFaults, contrastFaults, evaluated, launch, opened, skip, until } from './browser.ts';
import { servedPage, ToldRun } from './told-run.ts';

let browser: Browser;
before(async () => {
  if (skip === false) browser = await launch();
});
after(async () => {
  await browser?.close();
});

const twoCells = {
  truths: { reuseport: { rate: 23_100, cpuMicroseconds: 40, skew: 1.4, failed: { reset: 12 } } },
  scenario: {
    factors: { variant: ['single-queue', 'reuseport'], cores: 2, concurrency: [32, 128] },
    blocks: 10,
  },
};

async function viewed(folder: RunFolder): Promise<{ readonly url: string; readonly view: Started }> {
  const view = startStampede(['view', folder.path]);
  const url = await new Promise<string>((resolve, reject) => {
    view.child.stdout?.on('data', (text: string) => resolve(/page: (\S+)/.exec(text)?.[1] ?? ''));
    void view.ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  return { url, view };
}

test('stampede view shows a finished run on a phone and a desk, light and dark, to whoever comes, until Ctrl-C', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const scratch = await folderFor(t);
  const folder = await writeSyntheticRun(join(scratch, 'monday'), twoCells);
  const { answer } = await writeReports(folder);
  const filesBefore = await readdir(folder.path);
  const { url, view } = await viewed(folder);
  const { page, troubles } = await opened(browser, url);
  await page.waitForSelector('#past-runs a');
  await page.waitForSelector('#verdicts tbody tr');
  await page.waitForSelector('#verdicts .modelled li');
  assert.match(
    String(await evaluated(page, `document.querySelector('#verdicts .modelled').textContent`)),
    /^modelled, not measured: single-queue on 8, 24, 48 cores: .*modelled, not measured: reuseport /,
  );
  for (const width of [360, 1_280])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      const where = `${width}, ${colorScheme}`;
      await until(page, `document.querySelector('#rates .chart').clientWidth <= ${width - 32}`);
      assert.deepEqual(await evaluated(page, accessibilityFaults), [], where);
      assert.deepEqual(await evaluated(page, contrastFaults), [], where);
      assert.equal(await evaluated(page, 'document.documentElement.scrollWidth <= innerWidth'), true, where);
      assert.equal(
        await evaluated(page, 'getComputedStyle(document.body).backgroundColor'),
        colorScheme === 'light' ? 'rgb(255, 255, 255)' : 'rgb(20, 23, 28)',
      );
    }
  assert.deepEqual(troubles, []);
  assert.equal(await evaluated(page, 'document.querySelector(".answer p:last-child").textContent'), answer);
  assert.equal(await evaluated(page, 'document.querySelectorAll("#trials td.committed").length'), 40);
  // The rates, the course of one variant, and of two variants the cores on either side.
  assert.equal(await evaluated(page, 'document.querySelectorAll("svg[role=img]").length'), 6);
  assert.match(await evaluated(page, 'document.querySelector("#troubles").textContent'), /240 reset/);
  assert.match(await evaluated(page, 'document.querySelector("#troubles").textContent'), /agent a1 was lost/);
  await Promise.all([page.waitForNavigation(), page.click('#past-runs a')]);
  assert.match(await evaluated(page, 'document.querySelector("h1").textContent'), /SO_REUSEPORT/);
  await page.close();
  assert.deepEqual(await readdir(folder.path), filesBefore, 'it writes nothing');
  view.child.kill('SIGINT');
  const { status, stderr, seconds } = await view.ended;
  assert.equal(status, 0, stderr);
  assert.ok(seconds < 100);
});

test('the page is used by keyboard: skip link, conditions, trials by arrow keys, figures as a table', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const run = new ToldRun(twoCells);
  for (const trial of run.trials) run.commit(trial);
  run.judge();
  const { url } = await servedPage(t, run.model);
  const { page } = await opened(browser, url);
  await page.waitForSelector('#trials td.committed');
  const focused = <Result>(script: string) => evaluated<Result>(page, `document.activeElement.${script}`);
  await page.keyboard.press('Tab');
  assert.equal(await focused('textContent'), 'Skip to what came out');
  assert.equal(await evaluated(page, 'document.activeElement.getBoundingClientRect().left >= 0'), true);
  await page.keyboard.press('Enter');
  assert.equal(await focused('id'), 'verdicts-title');

  await page.focus('#trials td[tabindex="0"]');
  await page.keyboard.press('Home');
  assert.equal(
    await focused('dataset.trial'),
    await evaluated<string>(page, 'document.querySelector("#trials td.chosen").dataset.trial'),
  );
  const at = await focused<string>('dataset.trial');
  await page.keyboard.press('ArrowRight');
  const [block, cell] = at.split('-') as [string, string];
  assert.equal(
    await focused('dataset.trial'),
    `b${String(Number(block.slice(1)) + 1).padStart(2, '0')}-${cell}`,
  );
  assert.equal(
    await evaluated(page, 'document.querySelector("#trials .detail").textContent'),
    await focused('getAttribute("aria-label")'),
  );
  // Focus stays where it is while figures come in.
  run.report(run.trials[0].record.trial, 0, 100);
  await sleep(800);
  assert.equal(await focused('localName'), 'td');

  assert.match(await evaluated(page, 'document.querySelector("#verdicts caption").textContent'), /32 open/);
  await page.focus('#conditions');
  await page.keyboard.press('ArrowDown');
  await until(page, '/128 open/.test(document.querySelector("#verdicts caption").textContent)');
  await page.focus('#cores summary');
  await page.keyboard.press('Enter');
  assert.equal(await evaluated(page, 'document.querySelector("#cores details").open'), true);
  assert.equal(await evaluated(page, 'document.querySelector("#cores table").checkVisibility()'), true);
  await page.close();
});

test('the login takes the token, keeps it out of the address and of scripts, and says when it is wrong', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const token = 'a-token-of-thirty-characters!!';
  const run = new ToldRun();
  const { url } = await servedPage(t, run.model, { token });
  const { page } = await opened(browser, url, { width: 360, colorScheme: 'dark' });
  assert.deepEqual(await evaluated(page, contrastFaults), []);
  await page.fill('#token', 'not it');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]');
  await page.fill('#token', token);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#trials td');
  assert.equal(page.url(), url);
  assert.equal(await evaluated(page, 'document.cookie'), '');
  assert.ok(!(await page.content()).includes(token));
  await page.reload();
  await page.waitForSelector('#trials td');
  await page.close();
});

test('the page takes little time and no more memory while it watches', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const run = new ToldRun();
  const [first, second] = run.trials;
  const { url } = await servedPage(t, run.model);
  const { page } = await opened(browser, url);
  const session = await page.context().newCDPSession(page);
  const measure = async () => {
    await session.send('HeapProfiler.collectGarbage');
    const { metrics } = await session.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  };
  await session.send('Performance.enable');
  run.begin(first.record.trial);
  for (let report = 0; report < 300; report++) run.report(first.record.trial, report, 1_000);
  run.commit(first);
  run.begin(second.record.trial);
  await until(page, 'document.querySelector("[data-samples]")?.getAttribute("data-samples") === "300"');
  await sleep(1_000);
  const before = await measure();
  const spentBefore = rendererSeconds();
  const began = performance.now();
  for (let report = 0; report < 24; report++) {
    run.report(second.record.trial, report % 5, 1_000 + report, (report % 10) / 10);
    await sleep(250);
  }
  const seconds = (performance.now() - began) / 1_000;
  const spent = [...rendererSeconds()].reduce(
    (sum, [pid, now]) => sum + now - (spentBefore.get(pid) ?? now),
    0,
  );
  const after = await measure();
  const share = spent / seconds;
  t.diagnostic(`${(100 * share).toFixed(1)} % of a core, at four updates a second`);
  // The bar, 5 %, is kept by bench/control; a second of a busy machine holds less work.
  assert.ok(share < 0.1, `${(100 * share).toFixed(1)} % of a core`);
  const grown = (after.JSHeapUsedSize ?? 0) - (before.JSHeapUsedSize ?? 0);
  assert.ok(grown < 1 << 20, `${grown >> 10} KiB more`);
  assert.ok((after.Nodes ?? 0) - (before.Nodes ?? 0) < 100, `${after.Nodes} nodes, ${before.Nodes} before`);
  await page.close();
});

test('stampede view says what is wrong with a folder that is no run, or a damaged one', {
  timeout: 60_000,
}, async (t) => {
  const scratch = await folderFor(t);
  const refused = async (path: string, ...more: string[]) => {
    const { status, stdout, stderr } = await stampede('view', path, ...more);
    assert.equal(status, 2, stderr);
    assert.equal(stdout, '');
    return stderr;
  };
  assert.match(await refused(join(scratch, 'nowhere')), /has no scenario\.yaml; wanted the folder of a run/);
  await mkdir(join(scratch, 'empty'));
  assert.match(await refused(join(scratch, 'empty')), /has no scenario\.yaml/);
  const folder = await writeSyntheticRun(join(scratch, 'damaged'), { scenario: { blocks: 1 } });
  await writeFile(folder.trials, '{"schema":"stampede.trial/1"}\n');
  assert.match(await refused(folder.path), /trials\.jsonl", line 1: .*wanted a committed trial/s);
  assert.match(await refused(folder.path, '--page', 'nonsense:x'), /Cannot listen on "nonsense:x"/);
});
