/** What the charts of a report and of the live page may show: ticks that a ratio can have, labels that are all there. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { clockOffset, ratioTickWords } from '../../coordinator/report/figures.ts';
import { ratioTicks } from '../../coordinator/report/ratio-ticks.ts';
import { writeReports } from '../../coordinator/report/write-reports.ts';
import { seededRandom } from '../../measurement/random.ts';
import { evaluated, launch, opened, skip } from '../page/browser.ts';
import { servedPage, ToldRun } from '../page/told-run.ts';
import { writeSyntheticRun } from './synthetic-run.ts';

test('ratioTicks() marks round ratios, and 1 among them', () => {
  assert.deepEqual(ratioTicks(0.93, 1.12, 4), [0.95, 1, 1.05, 1.1]);
  assert.deepEqual(ratioTicks(0.4, 2.1, 4), [0.5, 1, 1.5, 2]);
  assert.deepEqual(ratioTicks(0.95, 4.1, 4), [1, 2, 3, 4]);
  assert.deepEqual(ratioTicks(0.43, 24, 6), [0.5, 1, 2, 5, 10, 20]);
  assert.deepEqual(ratioTicks(0.43, 24, 3), [1, 3, 10]);
  assert.deepEqual(ratioTicks(1e-4, 1e5, 4), [1e-3, 1, 1e3]);
});

test('ratioTicks() of any range round 1 has two ticks or more, in it, ascending, none of them 0 or less', () => {
  const seed = 20_261_201;
  const random = seededRandom(seed, 'ratio ticks');
  for (let count = 0; count < 2_000; count++) {
    const low = Math.exp(-6 * random());
    const high = Math.exp(0.01 + 6 * random());
    const wanted = 3 + Math.floor(4 * random());
    const ticks = ratioTicks(low, high, wanted);
    const where = `seed ${seed}, ${low} to ${high}, ${wanted} wanted: ${ticks.join(' ')}`;
    assert.ok(ticks.length >= 2 && ticks.length <= wanted * 2, where);
    for (const [index, tick] of ticks.entries()) {
      assert.ok(tick > 0 && tick >= low * (1 - 1e-8) && tick <= high * (1 + 1e-8), where);
      assert.ok(index === 0 || tick > ticks[index - 1], where);
    }
    assert.ok(ticks.includes(1), where);
  }
});

test('ratioTickWords() has no digits that a tick does not need', () => {
  assert.deepEqual([0.5, 1, 1.05, 1.025, 2, 10].map(ratioTickWords), [
    '−50 %',
    '±0 %',
    '+5 %',
    '+2.5 %',
    '×2',
    '×10',
  ]);
});

test('clockOffset() says when a clock began that does not count since 1970', () => {
  assert.equal(clockOffset(312.4), 'offset +312 µs');
  assert.equal(clockOffset(-1_500), 'offset −1.50 ms');
  assert.equal(clockOffset(1_796_096_649_726_874), 'counts from 2026-12-01 03:44 UTC');
  assert.equal(clockOffset(1e20), 'offset beyond all dates');
});

/** Fourteen times the baseline, in blocks that differ a lot: the first intervals reach far. */
const farApart = {
  noise: 0.25,
  truths: { 'user-level': { cpuMicroseconds: 500, median: 30e-3 } },
  scenario: {
    factors: { variant: ['single-queue', 'reuseport', 'user-level'], cores: 2, concurrency: 64 },
    metric: 'latencySeconds.total.p99',
  },
};

/** In the page: texts of drawings that stick out of them to a side, or into the text below. */
const badTexts = `[...document.querySelectorAll('svg[role=img]')].filter((svg) => svg.checkVisibility()).flatMap((svg) => {
  const frame = svg.getBoundingClientRect();
  const boxes = [...svg.querySelectorAll('text')].map((text) => ({ words: text.textContent, box: text.getBoundingClientRect() }));
  const out = boxes.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1);
  const over = boxes.filter(({ box }, place) => boxes.some(({ box: other }, at) => at > place &&
    Math.min(box.right, other.right) - Math.max(box.left, other.left) > 4 && Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top) > 8));
  return [...out, ...over].map(({ words }) => words);
})`;

test('report.html draws every label whole, beside and above the others', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const scratch = await mkdtemp(join(tmpdir(), 'stampede-charts-'));
  t.after(() => rm(scratch, { recursive: true, force: true }));
  const folder = await writeSyntheticRun(join(scratch, 'run'), farApart);
  await writeReports(folder);
  const browser = await launch();
  t.after(() => browser.close());
  for (const width of [360, 1_280]) {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    await page.goto(`file://${folder.reportHtml}`);
    assert.deepEqual(await evaluated(page, badTexts), [], `${width}`);
    const broken = `[...document.querySelectorAll('td.number .figure')].filter((one) => one.getClientRects().length > 1).length`;
    assert.equal(await evaluated(page, broken), 0, 'a figure apart from its unit');
    await page.close();
  }
});

test('the live page draws no ratio that cannot be, and says of a variant what the table says', {
  skip,
  timeout: 60_000,
}, async (t) => {
  const run = new ToldRun({ ...farApart, scenario: { ...farApart.scenario, blocks: 10 } });
  for (const trial of run.trials) run.commit(trial);
  run.judge();
  const { url } = await servedPage(t, run.model);
  const browser = await launch();
  t.after(() => browser.close());
  for (const width of [360, 1_280]) {
    const { page, troubles } = await opened(browser, url, { width });
    await page.waitForSelector('.courses svg');
    const ticks = await evaluated<string[]>(
      page,
      '[...document.querySelectorAll(".courses .tick.end")].map((one) => one.textContent)',
    );
    assert.ok(ticks.length >= 4 && ticks.includes('±0 %'), ticks.join(', '));
    for (const tick of ticks) assert.match(tick, /^(±0|[+−]\d{1,2}(\.\d)?) %$|^×\d+(\.\d+)?$/);
    const [legend, figure] = await evaluated<string[]>(
      page,
      `[document.querySelector('#rates .legend li').textContent, document.querySelector('[data-metric=connectionsPerSecond] .figure').textContent]`,
    );
    assert.equal(legend.trim(), `single-queue ${figure}, median of 10 trials`);
    const broken = `[...document.querySelectorAll('.figure')].filter((one) => one.getClientRects().length > 1).length`;
    assert.equal(await evaluated(page, broken), 0, 'a figure apart from its unit');
    assert.deepEqual(troubles, []);
    await page.close();
  }
});
