/** Benches run small, so that they cannot rot: they say figures in their fixed form. The figures themselves prove nothing. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { figuresOf } from '../bench/figures-of.ts';
import { packetLabRefused } from './packet-lab.ts';

const isMissing = (name: string): boolean => spawnSync(name, ['--version']).error !== undefined;

test('bench/socket compares the engine with wrk', {
  skip:
    isMissing('wrk') || isMissing('/usr/sbin/nginx')
      ? 'wrk or nginx is not installed (apt-get install wrk nginx-light)'
      : false,
}, async () => {
  const [figure] = await figuresOf('socket');
  assert.equal(figure.bench, 'socket');
  assert.equal(figure.unit, '1/s');
  assert.match(figure.against ?? '', /^wrk/);
  assert.equal(figure.pairs, 1);
  assert.ok((figure.value ?? 0) > 100, `${figure.value} connections/s`);
  assert.ok(figure.ratio !== null && figure.ratio.min <= figure.ratio.median);
});

test('bench/memory: a load thread stays small, and a connection allocates nothing to speak of', async () => {
  const [most, growth, allocated] = await figuresOf('memory');
  assert.ok((most.value ?? 999) < 200, `${most.value} MiB`);
  assert.equal(growth.unit, 'MiB');
  // Reading the clock costs one boxed double a batch, not a connection.
  assert.ok((allocated.value ?? 999) < 32, `${allocated.value} bytes a connection`);
});

test('bench/packet compares the engine with wrk, its bars, and itself', {
  skip: packetLabRefused ?? (isMissing('wrk') ? 'wrk is not installed (apt-get install wrk)' : false),
  timeout: 120_000,
}, async () => {
  const figures = await figuresOf('packet');
  assert.deepEqual(
    figures.map(({ bench, unit, pairs }) => [bench, unit, pairs]),
    [
      ['packet', '1/s', 1],
      ['packet', '1/s', 1],
      ['packet', 'µs', 1],
      ['packet', '', 0],
      ['packet', '', 0],
    ],
  );
  const [fast, faster, cheap, load, server] = figures;
  assert.ok((fast?.value ?? 0) > 100, `${fast?.value} connections/s`);
  assert.match(faster?.against ?? '', /^wrk, reuseport/);
  assert.ok(
    (cheap?.value ?? 0) > 0 && (cheap?.ratio?.median ?? 9) < 2,
    `${cheap?.ratio?.median} × wrk's CPU`,
  );
  for (const collections of [load, server])
    assert.ok((collections?.value ?? 99) < 20, `${collections?.value}`);
});
