/**
 * Start here: an exporter, as each role has one when it is asked for (`--metrics`): the metrics of that role, served.
 *
 *   declarations/ ─► metrics.ts ─► registry.ts ◄── values, from whoever watches the role
 *                                      └─► serve.ts ─► GET /metrics ─► Prometheus
 *
 * It measures nothing itself, and knows no secret: what is served is what the declarations name.
 */

import type { ListenAddress } from '../protocol/access.ts';
import type { Service } from './declarations/declaration.ts';
import { metricsBy } from './metrics.ts';
import { Reads } from './reads.ts';
import { MetricRegistry } from './registry.ts';
import { type Health, type Serving, serve } from './serve.ts';

/** What the port of an exporter is, unless told otherwise. */
export const defaultMetricsPort = 9464;

export interface ExporterWish {
  readonly service: Service;
  readonly listen: ListenAddress;
  readonly token: string | null;
  readonly version: string;
}

export class Exporter {
  readonly registry: MetricRegistry;
  readonly #serving: Serving;
  readonly #reads: Reads;

  private constructor(registry: MetricRegistry, serving: Serving, reads: Reads) {
    this.registry = registry;
    this.#serving = serving;
    this.#reads = reads;
  }

  /** @throws {Failure} exit status 2 when it cannot, or may not, be served there. */
  static async open(wish: ExporterWish, health: Health): Promise<Exporter> {
    const registry = new MetricRegistry(metricsBy(wish.service));
    registry.set('stampede_build_info', { version: wish.version }, 1);
    const reads = new Reads();
    const serving = await serve({
      listen: wish.listen,
      token: wish.token,
      contentType: registry.contentType,
      metrics: () => registry.text(),
      health,
      onRead: (beganMs) => reads.note(beganMs),
    });
    return new Exporter(registry, serving, reads);
  }

  /** Of the metrics. */
  get url(): string {
    return this.#serving.url;
  }

  /** Whether somebody reads the metrics again and again, who may still want the last of them. */
  get isRead(): boolean {
    return this.#reads.betweenMs !== null;
  }

  /** Settles when they have been read once more, or are not read any more, or `signal` is aborted. */
  untilRead(signal: AbortSignal): Promise<void> {
    return this.#reads.next(signal);
  }

  close(): Promise<void> {
    return this.#serving.close();
  }
}
