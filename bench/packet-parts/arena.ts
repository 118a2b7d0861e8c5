/**
 * Where the packet engine is measured: a lab of two network namespaces joined by veth, one core each side, a fresh server
 * for every turn. A turn gives connections a second, and what each cost the load core: everything that core did, the
 * kernel's packet processing too.
 */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { LoadOrder } from '../../agent/load.ts';
import { LoadCores } from '../../agent/load-cores.ts';
import type { Lab } from '../../coordinator/labs/lab.ts';
import { openLab } from '../../coordinator/labs/open-lab.ts';
import { launchServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { benchOrder, failuresOf, floodOnce } from '../runner/flood-once.ts';

export const loadCore = 0;
export const serverCore = 1;
export const userLevel = 'user-level';
const responseBytes = 64;
/** Enough for rests of a second at any rate that one core makes. */
const sourceAddresses = 16;
/** Code is compiled as it runs: ours is, wrk's is not. */
const warmUpSeconds = 1;

export interface Turn {
  readonly perSecond: number;
  /** Of the load core. */
  readonly microsecondsEach: number;
  /** What made the load. */
  readonly backend: string;
}

export class Arena {
  readonly #lab: Lab;

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  /** @throws {Failure} when there can be no namespaces here. */
  static async open(): Promise<Arena> {
    return new Arena(await openLab('namespaces', { agents: 1, sourceAddresses }));
  }

  /** Each side's packets on its own core, and checksums as this turn needs them: nobody computes more than he must. */
  place(variant: string, engine: 'packet' | 'wrk'): Promise<void> {
    return this.#lab.placeTrial({
      serverCores: [serverCore],
      loadCores: [loadCore],
      wholeChecksums: { server: engine === 'packet', agents: variant === userLevel },
    });
  }

  close(): Promise<void> {
    return this.#lab.close();
  }

  /** An HTTP server that closes: what wrk asks for by "Connection: close". */
  spec(variant: string): ServerSpec {
    return {
      variant,
      application: 'http',
      messages: 1,
      requestBytes: 1,
      responseBytes,
      close: 'server-fin',
      cores: [serverCore],
      namespace: this.#lab.serverNamespace,
      addresses: this.#lab.serverAddresses,
      port: 0,
      readyMs: 10_000,
      traceAccepts: false,
    };
  }

  /** The same load as wrk's, on every source address. */
  order(port: number, changes: Partial<LoadOrder>): LoadOrder {
    const [agent] = this.#lab.agents;
    return benchOrder({
      engine: 'packet',
      cores: [loadCore],
      namespace: agent.namespace,
      target: { addresses: this.#lab.serverAddresses, port },
      sourceAddresses: agent.sourceAddresses,
      application: 'http',
      requestBytes: 1,
      responseBytes,
      close: 'server-fin',
      warmUpSeconds,
      ...changes,
    });
  }

  /** One flood of the packet engine. @throws when a connection failed: such figures compare nothing. */
  async flood(variant: string, concurrency: number, seconds: number): Promise<Turn> {
    await this.place(variant, 'packet');
    const server = await launchServer(this.spec(variant));
    try {
      const cores = sampling(warmUpSeconds, seconds);
      const { backend, result } = await floodOnce(
        this.order(server.port, { load: { kind: 'closed', concurrency }, measuredSeconds: seconds }),
      );
      const failures = failuresOf(result);
      if (failures !== '') throw new Error(`Cannot compare with failures: ${failures}`);
      return turnOf(result.counts.completed / result.measuredSeconds, await cores, backend);
    } finally {
      await server.kill();
    }
  }

  /** One run of wrk: a connection a request. @throws when it met errors. */
  async wrk(variant: string, concurrency: number, seconds: number): Promise<Turn> {
    await this.place(variant, 'wrk');
    const server = await launchServer(this.spec(variant));
    try {
      // wrk counts from its first connection on; its core is looked at within that time.
      const wholeSeconds = Math.ceil(seconds + warmUpSeconds);
      const cores = sampling(warmUpSeconds / 2, seconds);
      const { stdout } = await promisify(execFile)('nsenter', [
        ...[`--net=${this.#lab.agents[0].namespace}`, '--', 'taskset', '-c', String(loadCore)],
        ...['wrk', '-t1', `-c${concurrency}`, `-d${wholeSeconds}s`, '-H', 'Connection: close'],
        `http://${this.#lab.serverAddresses[0]}:${server.port}/${responseBytes}`,
      ]);
      const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
      if (!(perSecond > 0) || /Socket errors|Non-2xx/.test(stdout))
        throw new Error(`Cannot compare with what wrk says: ${stdout}`);
      return turnOf(perSecond, await cores, 'wrk');
    } finally {
      await server.kill();
    }
  }
}

/** How busy the load core is from `afterSeconds` on, for so long; what a hypervisor takes away is nobody's work. */
async function sampling(afterSeconds: number, seconds: number): Promise<number> {
  await pause(afterSeconds);
  const cores = new LoadCores([loadCore]);
  cores.beginMeasuring();
  await pause(seconds);
  cores.endMeasuring();
  const [core] = cores.measured() ?? [];
  return core === undefined ? Number.NaN : core.user + core.system + core.softirq;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
}

function turnOf(perSecond: number, busy: number, backend: string): Turn {
  return { perSecond, microsecondsEach: (busy * 1e6) / perSecond, backend };
}
