/**
 * The parts that queries are made of. Metrics are named through here only, so that one that is not declared does not
 * compile.
 *
 * A run's name stands on few metrics (cardinality); all others are cut to a run by a join with stampede_run_info. Trials
 * come when they come: counters are looked at over Grafana's $__rate_interval, gauges hold until the next trial, and what
 * is asked of a run as a whole is the last that was known within the dashboard's time, for the coordinator ends with it.
 */

import type { GaugeName, HistogramName, MetricName } from '../../exporter/metrics.ts';

type CounterName = Exclude<MetricName, GaugeName | HistogramName>;

const chosenCells = 'variant=~"$variant", cores=~"$cores"';
export const chosenRun = 'run=~"$run"';

/** Labels that tell cells apart. */
export const byCell = 'variant, cores, conditions';
export const cellLegend = '{{variant}} · {{cores}} cores {{conditions}}';

/** A metric of its own, with a selector or without. */
export function metric(name: MetricName, selector = ''): string {
  return selector === '' ? name : `${name}{${selector}}`;
}

/** Of the cells that are chosen, of the run that is chosen; a counter as what it has come to. */
export function ofCells(name: GaugeName | CounterName, selector = ''): string {
  return inRun(metric(name, joined(chosenCells, selector)));
}

/** How much a counter of the chosen cells grows a second. */
export function rateOfCells(name: CounterName, selector = ''): string {
  return inRun(`rate(${metric(name, joined(chosenCells, selector))}[$__rate_interval])`);
}

/** By how much it grew. */
export function increaseOfCells(name: CounterName, selector = ''): string {
  return inRun(`increase(${metric(name, joined(chosenCells, selector))}[$__rate_interval])`);
}

/** By how much each bucket grew: what a heat map of latencies is made of. */
export function bucketsOfCells(name: HistogramName): string {
  return `sum by (le) (${inRun(`increase(${bucket(name, chosenCells)}[$__rate_interval])`)})`;
}

/** A quantile over all trials of each cell so far. */
export function quantileOfCells(name: HistogramName, quantile: number): string {
  return `histogram_quantile(${quantile}, sum by (le, ${byCell}) (${inRun(bucket(name, chosenCells))}))`;
}

/** Of all that a histogram has seen lately. */
export function quantile(name: HistogramName, of: number): string {
  return `histogram_quantile(${of}, sum by (le) (rate(${bucket(name, '')}[$__rate_interval])))`;
}

/** The last value within the dashboard's time, whether or not whoever told it is still there. */
export function last(name: GaugeName | CounterName, selector = ''): string {
  return `last_over_time(${metric(name, selector)}[$__range])`;
}

/** Of what is modelled: of other core counts than were measured, and there only once the run is judged. */
export function lastOfModel(name: GaugeName): string {
  const chosen = last(name, 'variant=~"$variant"');
  return `${chosen} * on (job, instance) group_left () ${last('stampede_run_info', chosenRun)}`;
}

/** Of a counter that is not of cells. */
export function rate(name: CounterName, selector = ''): string {
  return `rate(${metric(name, selector)}[$__rate_interval])`;
}

function bucket(name: HistogramName, selector: string): string {
  return selector === '' ? `${name}_bucket` : `${name}_bucket{${selector}}`;
}

function inRun(expression: string): string {
  return `${expression} * on (job, instance) group_left () ${metric('stampede_run_info', chosenRun)}`;
}

function joined(...selectors: readonly string[]): string {
  return selectors.filter((selector) => selector !== '').join(', ');
}
