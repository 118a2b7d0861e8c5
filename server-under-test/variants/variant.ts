/**
 * The shape of a variant: one file a design, each exporting one of these, all listed in `index.ts`. A variant runs in
 * the server's own process, which is already in its network namespace; it opens sockets, starts threads or a program, and
 * tells what it accepted.
 */

import type { UserLevelFigures } from '../../protocol/trial-record.ts';
import type { ServerSpec } from '../launch.ts';

/** What a variant may not be able to do. The suite over all variants asks each for all of these. */
export const abilities = [
  'any-response-size',
  'refuse-methods',
  'many-open-connections',
  'several-addresses',
  'ipv6',
  'loopback',
  'accepts-per-core',
  'accept-wait',
  'locality',
] as const;
export type Ability = (typeof abilities)[number];

export interface VariantImplementation {
  /** What it cannot do, and why. */
  readonly cannot: Readonly<Partial<Record<Ability, string>>>;
  /** Resolves once connections are served. @throws {Failure} when it cannot, with nothing left open. */
  start(setting: VariantSetting): Promise<StartedVariant>;
}

export interface VariantSetting {
  readonly spec: Omit<ServerSpec, 'idleMs' | 'traceAccepts'> & {
    readonly idleMs: number | null;
    readonly traceAccepts: boolean;
  };
  /** Of `design:option`; null for a design that has none. */
  readonly option: string | null;
}

export interface StartedVariant {
  readonly port: number;
  /** Path of a field of the record → why it will be null, or how it must be read. */
  readonly notes: Readonly<Record<string, string>>;
  /** Connections accepted since the start, by core; null where they cannot be known. */
  accepted(): readonly number[] | null;
  beginMeasuring(): void;
  endMeasuring(): void;
  /** Ends serving within a second. */
  stop(): Promise<VariantResult>;
  /** Resolves, if ever, with what ended it while it should have served. */
  readonly failed: Promise<Error>;
}

/** What the design itself knows of the measured interval. */
export interface VariantResult {
  readonly acceptedByCore: readonly number[] | null;
  readonly accepted: number | null;
  /** From its start to its end. */
  readonly lifetimeAccepted: number | null;
  readonly locality: number | null;
  /** Encoded LatencyHistogram. */
  readonly accept: string | null;
  /** Of a design with a TCP of its own, in place of what the kernel counts; null when it could not be known. */
  readonly userLevel?: UserLevelResult | null;
  readonly notes: Readonly<Record<string, string>>;
}

export interface UserLevelResult {
  /** Connection requests that found the queues full: dropped, or answered by a cookie. */
  readonly listenOverflows: number;
  /** Connection requests dropped, for that or any other reason. */
  readonly listenDrops: number;
  readonly figures: UserLevelFigures;
}
