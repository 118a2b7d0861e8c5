import assert from 'node:assert/strict';
import { test } from 'node:test';
import { declarationOf, metricsBy } from '../../exporter/metrics.ts';
import { MetricRegistry, mostHistogramLabelSets, mostLabelSets } from '../../exporter/registry.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { valuesIn } from './exposition.ts';

const cell = { variant: 'reuseport', cores: '1', conditions: '' };

test('set() of null takes a value away: not measured is absent, never 0', async () => {
  const registry = new MetricRegistry(metricsBy('coordinator'));
  registry.set('stampede_accept_locality_ratio', cell, 0.5);
  assert.deepEqual(valuesIn(await registry.text(), 'stampede_accept_locality_ratio'), [0.5]);
  registry.set('stampede_accept_locality_ratio', cell, null);
  assert.deepEqual(valuesIn(await registry.text(), 'stampede_accept_locality_ratio'), []);
});

test('a gauge without labels is absent until it is set', async () => {
  const registry = new MetricRegistry(metricsBy('coordinator'));
  assert.deepEqual(valuesIn(await registry.text(), 'stampede_redis_up'), []);
  registry.set('stampede_redis_up', {}, true);
  assert.deepEqual(valuesIn(await registry.text(), 'stampede_redis_up'), [1]);
  registry.clear('stampede_redis_up');
  assert.deepEqual(valuesIn(await registry.text(), 'stampede_redis_up'), []);
});

test('clear() takes away what has these labels, and nothing else', async () => {
  const registry = new MetricRegistry(metricsBy('coordinator'));
  const other = { ...cell, variant: 'single-queue' };
  for (const labels of [cell, other])
    for (const core of ['0', '1'])
      registry.set('stampede_server_core_time_ratio', { ...labels, core, mode: 'idle' }, 1);
  registry.clear('stampede_server_core_time_ratio', cell);
  assert.equal(valuesIn(await registry.text(), 'stampede_server_core_time_ratio').length, 2);
});

test('label sets are the same in whatever order their labels are given', async () => {
  const registry = new MetricRegistry(metricsBy('coordinator'));
  registry.addLatencies('stampede_connect_latency_seconds', cell, new LatencyHistogram());
  const { variant, cores, conditions } = cell;
  registry.addLatencies(
    'stampede_connect_latency_seconds',
    { conditions, cores, variant },
    new LatencyHistogram(),
  );
  assert.equal(valuesIn(await registry.text(), 'stampede_connect_latency_seconds_count').length, 1);
});

test('a metric has so many label sets and no more: the rest is refused, counted, and costs no memory', async () => {
  const registry = new MetricRegistry(metricsBy('coordinator'));
  const before = process.memoryUsage().heapUsed;
  const tried = 200_000;
  for (let index = 0; index < tried; index++)
    registry.set('stampede_generator_headroom_ratio', { ...cell, conditions: `rate=${index}` }, 1);
  for (let index = 0; index < mostHistogramLabelSets + 5; index++)
    registry.observe('stampede_total_latency_seconds', { ...cell, conditions: `rate=${index}` }, 1);
  const grownBytes = process.memoryUsage().heapUsed - before;
  const text = await registry.text();
  assert.equal(valuesIn(text, 'stampede_generator_headroom_ratio').length, mostLabelSets);
  assert.equal(valuesIn(text, 'stampede_total_latency_seconds_count').length, mostHistogramLabelSets);
  assert.deepEqual(valuesIn(text, 'stampede_exporter_refused_series_total'), [tried - mostLabelSets + 5]);
  assert.ok(grownBytes < 32 * 1024 * 1024, `${grownBytes} bytes`);
  // What is there already still changes.
  registry.set('stampede_generator_headroom_ratio', { ...cell, conditions: 'rate=0' }, 0.25);
  assert.equal(valuesIn(await registry.text(), 'stampede_generator_headroom_ratio')[0], 0.25);
});

test('a metric of another role is a mistake of ours', () => {
  const registry = new MetricRegistry(metricsBy('agent'));
  assert.throws(
    () => registry.set('stampede_redis_up', {}, 1),
    /stampede_redis_up is not among those of this role/,
  );
});

test('text() has help and type of every metric of the role, with or without values', async () => {
  for (const service of ['coordinator', 'agent', 'server'] as const) {
    const text = await new MetricRegistry(metricsBy(service)).text();
    for (const name of metricsBy(service)) {
      const { help, kind } = declarationOf(name);
      assert.ok(text.includes(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`), name);
    }
  }
});
