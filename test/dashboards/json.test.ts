/** The dashboards as Grafana reads them: up to date, well laid out, on metrics that there are, and on all of them. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Dashboard, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';
import { parse } from 'yaml';
import { dashboards } from '../../dashboards/grafana/dashboards.ts';
import { dashboardFiles, jsonFolder } from '../../dashboards/grafana/json.ts';
import { metricNames } from '../../exporter/metrics.ts';
import { queriesOf } from './queries-of.ts';

const files = [...dashboardFiles()].map(([path, text]) => ({
  path,
  text,
  dashboard: JSON.parse(text) as Dashboard,
}));

const panelsOf = ({ panels = [] }: Dashboard): (Panel | RowPanel)[] => panels;

test('the files in json/ are those that npm run dashboards writes, and no others', () => {
  for (const { path, text } of files) assert.equal(readFileSync(path, 'utf8'), text, path);
  assert.deepEqual(
    readdirSync(jsonFolder).sort(),
    Object.keys(dashboards)
      .map((name) => `${name}.json`)
      .sort(),
  );
});

test('the five dashboards are there, each with a question, links that last and the variables', () => {
  assert.deepEqual(
    files.map(({ dashboard }) => [dashboard.uid, dashboard.title]),
    [
      ['stampede-comparison', 'Stampede: Comparison'],
      ['stampede-cores', 'Stampede: Cores'],
      ['stampede-accept-path', 'Stampede: Accept path'],
      ['stampede-generators', 'Stampede: Generators'],
      ['stampede-model', 'Stampede: Model against measured'],
    ],
  );
  for (const { path, dashboard } of files) {
    assert.match(dashboard.description ?? '', /\?$/, path);
    const names = (dashboard.templating?.list ?? []).map(({ name }) => name);
    assert.deepEqual(names.slice(0, 4), ['datasource', 'run', 'variant', 'cores'], path);
  }
});

test('panels have ids of their own, say what they show, and lie within 24 columns, none over another', () => {
  for (const { path, dashboard } of files) {
    const panels = panelsOf(dashboard);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, path);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length, path);
    for (const panel of panels) {
      const { x, y, w, h } = panel.gridPos ?? assert.fail(`${path}: ${panel.title} has no place`);
      assert.ok(x >= 0 && y >= 0 && w > 0 && h > 0 && x + w <= 24, `${path}: ${panel.title}`);
      if (panel.type !== 'row') assert.match((panel as Panel).description ?? '', /\.$/, panel.title ?? '');
      for (const other of panels) {
        if (other === panel) continue;
        const place = other.gridPos ?? { x: 0, y: 0, w: 0, h: 0 };
        const apart =
          x + w <= place.x || place.x + place.w <= x || y + h <= place.y || place.y + place.h <= y;
        assert.ok(apart, `${path}: "${panel.title}" lies over "${other.title}"`);
      }
    }
  }
});

test('rows are not empty, and every panel has a query for the data source that is chosen', () => {
  for (const { path, dashboard } of files) {
    const panels = panelsOf(dashboard);
    for (const [index, panel] of panels.entries()) {
      if (panel.type === 'row') {
        assert.ok(
          panels[index + 1] !== undefined && panels[index + 1]?.type !== 'row',
          `${path}: ${panel.title}`,
        );
        continue;
      }
      const { targets = [], datasource, title } = panel as Panel;
      assert.equal(datasource?.uid, '$datasource', `${path}: ${title}`);
      assert.ok(targets.length > 0, `${path}: ${title}`);
      const letters = targets.map((target) => (target as unknown as { refId: string }).refId);
      assert.equal(new Set(letters).size, letters.length, `${path}: ${title}`);
    }
  }
});

test('queries name metrics that are declared, and each metric is on some panel', () => {
  const asked = files.flatMap(({ dashboard }) => queriesOf(dashboard));
  const named = new Set(
    asked.flatMap(({ expression }) => expression.match(/stampede_[a-z_]+/g) ?? []).map(metricOf),
  );
  assert.deepEqual(
    [...named].filter((name) => !(metricNames as readonly string[]).includes(name)),
    [],
  );
  assert.deepEqual(
    metricNames.filter((name) => !named.has(name)),
    [],
  );
});

/** A histogram is asked for by its buckets. */
function metricOf(name: string): string {
  return name.replace(/_bucket$/, '');
}

test('Grafana finds data source and dashboards where the provisioning files say', () => {
  const provisioned = (path: string) =>
    parse(readFileSync(`dashboards/grafana/provisioning/${path}`, 'utf8'));
  const [source] = provisioned('datasources/stampede.yaml').datasources;
  const { global } = parse(readFileSync('dashboards/prometheus/prometheus.yml', 'utf8'));
  assert.equal(source.type, 'prometheus');
  assert.equal(source.jsonData.timeInterval, global.scrape_interval);
  const [provider] = provisioned('dashboards/stampede.yaml').providers;
  assert.deepEqual([provider.type, provider.options.path], ['file', '/var/lib/grafana/dashboards']);
});
