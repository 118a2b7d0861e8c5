/**
 * The buckets of every latency histogram, and how HDR histograms are added to them.
 *
 * prom-client's own histogram takes one value at a time, and a trial brings a million that are counted already. Here each
 * slot of the HDR histogram goes whole into one bucket, by its highest value, just as its percentiles are read: a
 * percentile that the record says is 0.9 ms is in the bucket up to 1 ms. It refuses to interpolate.
 */

import type { LatencyHistogram } from '../measurement/histogram.ts';

/** 10 µs to 10 s, six a decade: the next bound is at most two thirds more. */
export const boundsSeconds: readonly number[] = [
  ...[-5, -4, -3, -2, -1, 0].flatMap((power) =>
    // Through text: 3 * 10 ** -5 is not 0.00003.
    [1, 1.5, 2, 3, 5, 7].map((step) => Number(`${step}e${power}`)),
  ),
  10,
];
const boundsNs = boundsSeconds.map((seconds) => Math.round(seconds * 1e9));

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: Labels;
  /** Cumulative, as Prometheus has them. */
  readonly upTo: Float64Array;
  count: number;
  sumSeconds: number;
}

/** A line of the text: prom-client's MetricValueWithName. */
interface Line {
  readonly metricName: string;
  readonly labels: Labels;
  readonly value: number;
}

/** What prom-client's registry asks of a metric: its name, and `get`. */
export class LatencyBuckets {
  readonly name: string;
  readonly #help: string;
  readonly #series = new Map<string, Series>();

  constructor(name: string, help: string) {
    this.name = name;
    this.#help = help;
  }

  /** Makes the series, if it is not there: a counter that is born with its first value shows no increase. */
  touch(key: string, labels: Labels): void {
    this.#of(key, labels);
  }

  add(key: string, labels: Labels, histogram: LatencyHistogram): void {
    const series = this.#of(key, labels);
    for (const [index, count] of histogram.countsUpTo(boundsNs).entries()) series.upTo[index] += count;
    series.count += histogram.count;
    series.sumSeconds += histogram.sumSeconds;
  }

  observe(key: string, labels: Labels, seconds: number): void {
    const series = this.#of(key, labels);
    for (const [index, bound] of boundsSeconds.entries()) if (seconds <= bound) series.upTo[index]++;
    series.count++;
    series.sumSeconds += seconds;
  }

  async get() {
    const values = [...this.#series.values()].flatMap((series) => this.#lines(series));
    return { name: this.name, help: this.#help, type: 'histogram', values };
  }

  #lines({ labels, upTo, count, sumSeconds }: Series): Line[] {
    const bucket = (le: string, value: number): Line => ({
      metricName: `${this.name}_bucket`,
      labels: { le, ...labels },
      value,
    });
    return [
      ...boundsSeconds.map((bound, index) => bucket(String(bound), upTo[index])),
      bucket('+Inf', count),
      { metricName: `${this.name}_sum`, labels, value: sumSeconds },
      { metricName: `${this.name}_count`, labels, value: count },
    ];
  }

  #of(key: string, labels: Labels): Series {
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, upTo: new Float64Array(boundsSeconds.length), count: 0, sumSeconds: 0 };
      this.#series.set(key, series);
    }
    return series;
  }
}
