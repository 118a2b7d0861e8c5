/** Panels as Grafana's: one function a kind, on the builders of its foundation SDK. They choose looks, never queries. */

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import {
  AxisPlacement,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  type Panel as GrafanaPanel,
  type GridPos,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import {
  CellValuesBuilder,
  FilterValueRangeBuilder,
  PanelBuilder as HeatmapBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  HeatmapTooltipBuilder,
  YAxisConfigBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatesBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as LinesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import type { Panel, Query } from './specification.ts';

/** Whichever Prometheus is chosen at the top of the dashboard. */
export const dataSource = { type: 'prometheus', uid: '$datasource' };

type OfKind<Kind extends Panel['kind']> = Extract<Panel, { readonly kind: Kind }>;

/** What every kind of panel is built by. */
interface AnyBuilder extends Builder<GrafanaPanel> {
  id(id: number): this;
  title(title: string): this;
  description(description: string): this;
  datasource(source: typeof dataSource): this;
  gridPos(place: GridPos): this;
  withTarget(target: DataqueryBuilder): this;
}

export function buildPanel(panel: Panel, id: number, place: GridPos): Builder<GrafanaPanel> {
  const builder: AnyBuilder = builderOf(panel);
  for (const [index, query] of panel.queries.entries()) builder.withTarget(target(panel, query, index));
  return builder
    .id(id)
    .title(panel.title)
    .description(panel.description)
    .datasource(dataSource)
    .gridPos(place);
}

function builderOf(panel: Panel): AnyBuilder {
  switch (panel.kind) {
    case 'lines':
      return lines(panel);
    case 'bucketHeat':
      return bucketHeat(panel);
    case 'ratioHeat':
      return ratioHeat();
    case 'states':
      return states();
    case 'figures':
      return figures(panel);
    case 'table':
      return table(panel);
  }
}

const firstLetter = 'A'.charCodeAt(0);

function target(panel: Panel, { expression, legend }: Query, index: number): DataqueryBuilder {
  const query = new DataqueryBuilder()
    .refId(String.fromCharCode(firstLetter + index))
    .datasource(dataSource)
    .expr(expression)
    .format(formatOf(panel));
  if (legend !== undefined) query.legendFormat(legend);
  return isOfTheEnd(panel) ? query.instant() : query.range();
}

function formatOf({ kind }: Panel): PromQueryFormat {
  if (kind === 'table') return PromQueryFormat.Table;
  return kind === 'bucketHeat' ? PromQueryFormat.Heatmap : PromQueryFormat.TimeSeries;
}

/** Which series are there at the end; a range would show all that ever were. */
function isOfTheEnd(panel: Panel): boolean {
  return panel.kind === 'table' || (panel.kind === 'figures' && panel.show === 'names');
}

function lines({ unit, max, limit, stacked }: OfKind<'lines'>): LinesBuilder {
  const builder = new LinesBuilder()
    .unit(unit)
    .min(0)
    .lineWidth(1)
    .fillOpacity(stacked === true ? 40 : 5)
    .showPoints(VisibilityMode.Auto)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending));
  if (max !== undefined) builder.max(max);
  if (stacked === true) builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal));
  if (limit !== undefined) {
    const [below, above] = limit.trouble === 'below' ? ['red', 'transparent'] : ['transparent', 'red'];
    builder
      .thresholds(
        new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps([
          { value: null, color: below as string },
          { value: limit.value, color: above as string },
        ]),
      )
      .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.LineAndArea));
  }
  return builder;
}

function bucketHeat({ unit }: OfKind<'bucketHeat'>): HeatmapBuilder {
  return new HeatmapBuilder()
    .calculate(false)
    .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').steps(64))
    .yAxis(new YAxisConfigBuilder().unit(unit).axisPlacement(AxisPlacement.Left))
    .filterValues(new FilterValueRangeBuilder().le(1e-9))
    .cellGap(1)
    .showLegend()
    .tooltip(
      new HeatmapTooltipBuilder().mode(TooltipDisplayMode.Single).yHistogram(true).showColorScale(true),
    );
}

function ratioHeat(): HeatmapBuilder {
  return new HeatmapBuilder()
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Blues').steps(64).min(0).max(1),
    )
    .yAxis(new YAxisConfigBuilder().axisPlacement(AxisPlacement.Left))
    .cellValues(new CellValuesBuilder().unit('percentunit').decimals(0))
    .cellGap(1)
    .showLegend()
    .tooltip(new HeatmapTooltipBuilder().mode(TooltipDisplayMode.Single).showColorScale(true));
}

function states(): StatesBuilder {
  return new StatesBuilder()
    .showValue(VisibilityMode.Never)
    .mergeValues(true)
    .rowHeight(0.8)
    .fillOpacity(80)
    .legend(new VizLegendOptionsBuilder().showLegend(false));
}

function figures({ unit, show, queries }: OfKind<'figures'>): StatBuilder {
  const builder = new StatBuilder()
    .unit(unit)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.None)
    .textMode(show === 'names' ? BigValueTextMode.Name : BigValueTextMode.ValueAndName)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  for (const { legend, unit: own } of queries)
    if (own !== undefined && legend !== undefined)
      builder.overrideByName(legend, [{ id: 'unit', value: own }]);
  return builder;
}

function table({ columns, values, unit }: OfKind<'table'>): TableBuilder {
  // Grafana names the value of a lone query "Value", of several "Value #A", "Value #B", …
  const fieldOf = (index: number) =>
    values.length === 1 ? 'Value' : `Value #${String.fromCharCode(firstLetter + index)}`;
  const titles = Object.entries(columns);
  for (const [index, title] of values.entries()) if (title !== null) titles.push([fieldOf(index), title]);
  const hidden = ['Time', ...values.flatMap((title, index) => (title === null ? [fieldOf(index)] : []))];
  return new TableBuilder()
    .unit(unit)
    .decimals(3)
    .filterable(true)
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({
      id: 'organize',
      options: {
        excludeByName: Object.fromEntries(hidden.map((field) => [field, true])),
        indexByName: Object.fromEntries(titles.map(([field], index) => [field, index])),
        renameByName: Object.fromEntries(titles),
      },
    });
}
