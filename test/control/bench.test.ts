/** bench/control and bench/control-limits run as their users run them: small, so what they say of speed proves nothing. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf } from '../bench/figures-of.ts';

test('bench/control counts every report of every second once, and measures coordinator, page and Redis', async () => {
  const figures = await figuresOf('control', '--agents', '4', '--seconds', '5');
  const measured = (name: string) => figures.find(({ figure }) => figure === name)?.value;
  assert.equal(measured('reports lost or counted twice'), 0);
  // Four agents and a server, five seconds each, less those that an agent was too busy to tell of.
  assert.match(figures[0]?.note ?? '', /^(2[0-5]|1\d) came of \1 that were said/);
  const cores = measured('CPU of the coordinator') ?? Number.NaN;
  assert.ok(cores > 0 && cores < 1, `${cores} cores`);
  const mebibytes = measured('most resident memory of the coordinator') ?? Number.NaN;
  assert.ok(mebibytes > 30 && mebibytes < 300, `${mebibytes} MiB`);
  const page = figures.find(({ figure }) => figure === 'CPU of the live page in a browser');
  if (page?.value === null) assert.match(page.note, /no Chromium/);
  else assert.ok((page?.value ?? -1) >= 0 && (page?.value ?? 1) < 1, `${page?.value} cores`);
  assert.ok((measured('CPU of Redis') ?? 0) > 0);
});

test('bench/control-limits says what so many agents cost a coordinator', async () => {
  const [figure, ...rest] = await figuresOf('control-limits', '--agents', '20', '--seconds', '3');
  assert.equal(rest.length, 0);
  assert.equal(figure?.figure, 'CPU of the coordinator, 20 agents');
  assert.ok((figure?.value ?? 0) > 0 && (figure?.value ?? 1) < 1, `${figure?.value} cores`);
  assert.match(figure?.note ?? '', /report lag p99 \d+ ms; \d+ reports of \d+, 0 twice/);
});
