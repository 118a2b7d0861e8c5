/** What is said of a metric, once: its kind, unit, meaning and labels, and who serves it. */

import type { LabelName } from '../labels.ts';

export const services = ['coordinator', 'agent', 'server'] as const;
/** The roles as the metrics see them; `stampede run` is a coordinator. */
export type Service = (typeof services)[number];

export interface Declaration {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  /** The base unit; `info` is always 1, `state` is 1 or 0. */
  readonly unit:
    | 'seconds'
    | 'seconds per connection'
    | 'ratio'
    | 'connections'
    | 'connections per second'
    | 'starts per second'
    | 'misses per connection'
    | 'cycles per connection'
    | 'trials'
    | 'attempts'
    | 'blocks'
    | 'members'
    | 'jobs'
    | 'series'
    | 'info'
    | 'state';
  readonly help: string;
  readonly labels: readonly LabelName[];
  readonly by: readonly Service[];
}

export type Declarations = Readonly<Record<string, Declaration>>;
