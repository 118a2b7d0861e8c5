/**
 * A specification as Grafana's dashboard: variables, rows one below the other, panels from left to right, each with an
 * id of its own. Panels themselves are `panels.ts`.
 */

import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type { MetricName } from '../../exporter/metrics.ts';
import { buildPanel, dataSource } from './panels.ts';
import type { Row, Specification } from './specification.ts';

const columns = 24;

export function buildDashboard(specification: Specification): Dashboard {
  const { uid, title, question, chooseMetric, rows } = specification;
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(question)
    .tags(['stampede'])
    .time({ from: 'now-30m', to: 'now' })
    .refresh('5s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('data source').type('prometheus'))
    .withVariable(chosenFrom('run', 'stampede_run_info', VariableSort.AlphabeticalDesc))
    .withVariable(chosenFrom('variant', 'stampede_connections_total'))
    .withVariable(chosenFrom('cores', 'stampede_connections_total', VariableSort.NumericalAsc));
  if (chooseMetric === true) dashboard.withVariable(chosenFrom('metric', 'stampede_comparison_ratio'));
  let top = 0;
  let id = 1;
  for (const row of rows) {
    const head = new RowBuilder(row.title).id(id++).gridPos({ x: 0, y: top, w: columns, h: 1 });
    dashboard.withRow(row.perVariant === true ? head.repeat('variant') : head);
    const { places, bottom } = placed(row, top + 1);
    for (const [index, panel] of row.panels.entries())
      dashboard.withPanel(buildPanel(panel, id++, places[index]));
    top = bottom;
  }
  return dashboard.build();
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** From left to right, and below what is there where the width does not suffice. */
function placed(
  { panels }: Row,
  top: number,
): { readonly places: readonly Place[]; readonly bottom: number } {
  const places: Place[] = [];
  let x = 0;
  let y = top;
  let bottom = top;
  for (const { width, height } of panels) {
    if (x + width > columns) {
      x = 0;
      y = bottom;
    }
    places.push({ x, y, w: width, h: height });
    x += width;
    bottom = Math.max(bottom, y + height);
  }
  return { places, bottom };
}

/** The values of a label within the dashboard's time; all of them unless some are chosen. */
function chosenFrom(
  label: string,
  metric: MetricName,
  sort = VariableSort.AlphabeticalAsc,
): QueryVariableBuilder {
  const query = `label_values(${metric}, ${label})`;
  return new QueryVariableBuilder(label)
    .label(label)
    .datasource(dataSource)
    .query({ query, refId: label })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(sort)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: 'All', value: '$__all' });
}
