/**
 * The values of the metrics that one role serves. Names, labels and help come from the declarations; a metric may have so
 * many label sets and no more, whatever a run brings: the rest is refused and counted.
 */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import type { LatencyHistogram } from '../measurement/histogram.ts';
import type { LabelValues } from './labels.ts';
import { LatencyBuckets } from './latency-buckets.ts';
import {
  type CounterName,
  declarationOf,
  type GaugeName,
  type HistogramName,
  type MetricName,
  type metrics,
} from './metrics.ts';

/** Twenty cells on 48 cores, in four modes, are 3,840 core times. */
export const mostLabelSets = 5_000;
/** Each is 40 series. */
export const mostHistogramLabelSets = 100;

export type LabelsOf<Name extends MetricName> = Readonly<
  Pick<LabelValues, (typeof metrics)[Name]['labels'][number]>
>;

export class MetricRegistry {
  readonly #registry = new Registry();
  readonly #gauges = new Map<string, Gauge>();
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, LatencyBuckets>();
  /** Of each metric, by their text. */
  readonly #labelSets = new Map<string, Map<string, Partial<LabelValues>>>();
  readonly #updates: (() => void)[] = [];

  constructor(names: readonly MetricName[]) {
    for (const name of names) this.#declare(name);
    this.add('stampede_exporter_refused_series_total', {}, 0);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** `null`: not measured; what was there is taken away. */
  set<Name extends GaugeName>(name: Name, labels: LabelsOf<Name>, value: number | boolean | null): void {
    const gauge = this.#of(this.#gauges, name);
    if (value === null) {
      gauge.remove(labels);
      this.#setsOf(name).delete(keyOf(name, labels));
    } else if (this.#admits(name, labels)) {
      gauge.set(labels, Number(value));
    }
  }

  add<Name extends CounterName>(name: Name, labels: LabelsOf<Name>, count: number): void {
    const counter = this.#of(this.#counters, name);
    if (this.#admits(name, labels)) counter.inc(labels, count);
  }

  /** Adds every value of the histogram, each once; without one, only makes the series. */
  addLatencies<Name extends HistogramName>(
    name: Name,
    labels: LabelsOf<Name>,
    histogram: LatencyHistogram | null,
  ): void {
    const buckets = this.#of(this.#histograms, name);
    if (!this.#admits(name, labels)) return;
    if (histogram === null) buckets.touch(keyOf(name, labels), labels);
    else buckets.add(keyOf(name, labels), labels, histogram);
  }

  observe<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>, seconds: number): void {
    const buckets = this.#of(this.#histograms, name);
    if (this.#admits(name, labels)) buckets.observe(keyOf(name, labels), labels, seconds);
  }

  /** Takes away what a gauge has under these labels, whatever the others are. */
  clear(name: GaugeName, having: Partial<LabelValues> = {}): void {
    const gauge = this.#of(this.#gauges, name);
    const wanted = Object.entries(having);
    for (const [key, labels] of this.#setsOf(name)) {
      if (!wanted.every(([label, value]) => labels[label as keyof LabelValues] === value)) continue;
      gauge.remove(labels);
      this.#setsOf(name).delete(key);
    }
  }

  /** Called before every scrape: for what is read and not told. */
  beforeScrape(update: () => void): void {
    this.#updates.push(update);
  }

  /**
   * In Prometheus' text format 0.0.4. Metric by metric, each in a turn of its own: of a run with forty cells all of it
   * takes 60 ms, and a start must not be said that late.
   */
  async text(): Promise<string> {
    for (const update of this.#updates) update();
    const parts: string[] = [];
    for (const name of this.#labelSets.keys()) {
      parts.push(await this.#registry.getSingleMetricAsString(name));
      await nextTurn();
    }
    return `${parts.join('\n\n')}\n`;
  }

  #declare(name: MetricName): void {
    const { kind, help, labels } = declarationOf(name);
    this.#labelSets.set(name, new Map());
    if (kind === 'histogram') {
      const buckets = new LatencyBuckets(name, help);
      this.#histograms.set(name, buckets);
      this.#registry.registerMetric(buckets as unknown as Metric);
      return;
    }
    const settings = { name, help, labelNames: [...labels], registers: [this.#registry] };
    if (kind === 'counter') {
      this.#counters.set(name, new Counter(settings));
    } else {
      const gauge = new Gauge(settings);
      // Without labels prom-client begins with a 0, which nobody measured.
      if (labels.length === 0) gauge.remove();
      this.#gauges.set(name, gauge);
    }
  }

  #admits(name: MetricName, labels: Partial<LabelValues>): boolean {
    const sets = this.#setsOf(name);
    const key = keyOf(name, labels);
    if (sets.has(key)) return true;
    const most = declarationOf(name).kind === 'histogram' ? mostHistogramLabelSets : mostLabelSets;
    if (sets.size >= most) {
      this.#of(this.#counters, 'stampede_exporter_refused_series_total').inc();
      return false;
    }
    sets.set(key, labels);
    return true;
  }

  #setsOf(name: MetricName): Map<string, Partial<LabelValues>> {
    return this.#of(this.#labelSets, name);
  }

  #of<Kind>(all: ReadonlyMap<string, Kind>, name: string): Kind {
    const found = all.get(name);
    if (found === undefined) throw new Error(`The metric ${name} is not among those of this role`);
    return found;
  }
}

/** The values of the labels in the order they are declared in, whatever order they were given in. */
function keyOf(name: MetricName, labels: Partial<LabelValues>): string {
  return declarationOf(name)
    .labels.map((label) => labels[label])
    .join('\0');
}
