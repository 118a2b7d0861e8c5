/** The exporter of `stampede run` and `stampede coordinator`: it watches the run, and stays until the last was read. */

import { packageVersion } from '../coordinator/environment.ts';
import { RunHealth } from '../coordinator/metrics/run-health.ts';
import { RunMetrics } from '../coordinator/metrics/run-metrics.ts';
import type { RunWatcher } from '../coordinator/watchers.ts';
import { Exporter } from '../exporter/exporter.ts';
import type { ListenAddress } from '../protocol/access.ts';

export class RunExporter {
  readonly watchers: readonly RunWatcher[];
  readonly #exporter: Exporter;

  private constructor(exporter: Exporter, health: RunHealth) {
    this.#exporter = exporter;
    this.watchers = [new RunMetrics(exporter.registry), health];
  }

  /** @throws {Failure} exit status 2 when it cannot, or may not, be served there. */
  static async open(listen: ListenAddress, token: string | null): Promise<RunExporter> {
    const health = new RunHealth(() => performance.now());
    const exporter = await Exporter.open(
      { service: 'coordinator', listen, token, version: packageVersion() ?? 'unknown' },
      () => health.trouble(),
    );
    return new RunExporter(exporter, health);
  }

  get url(): string {
    return this.#exporter.url;
  }

  /** Waits for whoever reads the metrics again and again to read what the run came to; a signal ends that. */
  async untilRead(say: (text: string) => void): Promise<void> {
    if (!this.#exporter.isRead) return;
    say('waiting until the metrics have been read once more; Ctrl-C: do not wait');
    const stop = new AbortController();
    const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    const onSignal = () => stop.abort();
    for (const name of names) process.on(name, onSignal);
    await this.#exporter.untilRead(stop.signal);
    for (const name of names) process.off(name, onSignal);
  }

  close(): Promise<void> {
    return this.#exporter.close();
  }
}
