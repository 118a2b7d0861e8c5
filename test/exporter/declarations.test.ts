import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { runStates } from '../../coordinator/run-options.ts';
import { type Declaration, services } from '../../exporter/declarations/declaration.ts';
import { labelMeanings, outcomes } from '../../exporter/labels.ts';
import { declarationOf, metricNames, metricsBy } from '../../exporter/metrics.ts';
import { beginMark, endMark, metricTables } from '../../exporter/page.ts';
import { failureCauses } from '../../protocol/trial-record.ts';

/** What a name must end with, by unit: base units, as Prometheus' naming practices want them. */
const endings: Readonly<Record<Declaration['unit'], RegExp>> = {
  seconds: /_seconds(_total)?$/,
  'seconds per connection': /_seconds_per_connection$/,
  ratio: /_ratio$/,
  connections: /(_connections|_overflows|_drops|_accepts)(_total)?$/,
  'connections per second': /_connections_per_second$/,
  'starts per second': /_starts_per_second$/,
  'misses per connection': /_misses_per_connection$/,
  'cycles per connection': /_cycles_per_connection$/,
  trials: /_trials(_total)?$/,
  attempts: /_attempts(_total)?$/,
  blocks: /_blocks$/,
  members: /_(members|agents)(_total)?$/,
  jobs: /_jobs_total$/,
  series: /_series_total$/,
  info: /_info$/,
  state: /_(state|stage|up|under_way|verdict)$/,
};

test('metrics are named by convention: stampede_, snake case, base units, _total for counters alone', () => {
  for (const name of metricNames) {
    const { kind, unit } = declarationOf(name);
    assert.match(name, /^stampede(_[a-z]+)+$/);
    assert.match(name, endings[unit], `${name} is in ${unit}`);
    assert.equal(name.endsWith('_total'), kind === 'counter', name);
    assert.doesNotMatch(
      name,
      /(_milliseconds|_microseconds|_ms|_percent|_count|_sum|_bucket|_gauge|_counter)/,
    );
    if (kind === 'histogram') assert.equal(unit, 'seconds', name);
  }
});

test('metrics each say what they are in a sentence of their own, and who serves them', () => {
  const helps = metricNames.map((name) => declarationOf(name).help);
  assert.equal(new Set(helps).size, helps.length);
  for (const help of helps) assert.match(help, /^[A-Z0-9][^\n]{15,160}\.$/);
  for (const name of metricNames) assert.ok(declarationOf(name).by.length > 0, name);
  for (const service of services) assert.ok(metricsBy(service).includes('stampede_build_info'));
});

test('labels are of the table, snake case, and every label of the table is used', () => {
  const used = new Set(metricNames.flatMap((name) => [...declarationOf(name).labels]));
  assert.deepEqual([...used].sort(), Object.keys(labelMeanings).sort());
  for (const label of used) assert.match(label, /^[a-z]+(_[a-z]+)*$/);
});

test('a run’s name, new every time, stands on progress and comparison only', () => {
  const named = metricNames.filter((name) => declarationOf(name).labels.includes('run'));
  for (const name of named) assert.match(name, /^stampede_(run|comparison)_/);
});

test('outcomes are those of the records, and states those of a run', () => {
  assert.deepEqual(outcomes, ['completed', ...failureCauses, 'missed']);
  assert.deepEqual(labelMeanings.state.values, ['running', ...runStates]);
});

test('docs/metrics.md has the tables of the declarations: npm run dashboards writes them', () => {
  const page = readFileSync('docs/metrics.md', 'utf8');
  const written = page.slice(page.indexOf(beginMark) + beginMark.length, page.indexOf(endMark)).trim();
  assert.equal(written, metricTables());
});
