/** A dashboard as data: rows of panels, each with its queries. What Grafana makes of it is `build.ts`. */

/** As a panel takes a query: over the dashboard's time, or as it was at its end. */
export interface Query {
  readonly expression: string;
  /** With `{{label}}`s; none in a table, where labels are columns. */
  readonly legend?: string;
  /** Grafana's name of the unit, where it is not that of the panel. */
  readonly unit?: string;
}

interface PanelBase {
  readonly title: string;
  /** What it answers, and how to read it. */
  readonly description: string;
  /** Of 24. */
  readonly width: number;
  readonly height: number;
  readonly queries: readonly Query[];
}

export type Panel = PanelBase &
  (
    | {
        /** Lines over time. `points` where a value is of a trial, and nothing is between two of them. */
        readonly kind: 'lines';
        readonly unit: string;
        readonly max?: number;
        /** A line drawn across: below it (or above) is trouble. */
        readonly limit?: { readonly value: number; readonly trouble: 'above' | 'below' };
        readonly stacked?: boolean;
      }
    /** Cumulative buckets over time, `le` as the vertical axis. */
    | { readonly kind: 'bucketHeat'; readonly unit: string }
    /** A series a row, its value from 0 to 1 as the colour. */
    | { readonly kind: 'ratioHeat' }
    /** Which series are there, over time. */
    | { readonly kind: 'states' }
    /** The last values, large. `names`: what counts is which series is there. */
    | { readonly kind: 'figures'; readonly unit: string; readonly show: 'values' | 'names' }
    /** A row a label set, a column a query. */
    | {
        readonly kind: 'table';
        /** Labels in their order, with their titles. */
        readonly columns: Readonly<Record<string, string>>;
        /** Titles of the queries' values; null: what it says is in its labels. */
        readonly values: readonly (string | null)[];
        readonly unit: string;
      }
  );

export interface Row {
  readonly title: string;
  /** Once for every variant that is chosen. */
  readonly perVariant?: boolean;
  readonly panels: readonly Panel[];
}

export interface Specification {
  /** Stays for good: links point to it. */
  readonly uid: string;
  readonly title: string;
  /** The question it answers. */
  readonly question: string;
  /** Besides run, variant and cores. */
  readonly chooseMetric?: boolean;
  readonly rows: readonly Row[];
}
