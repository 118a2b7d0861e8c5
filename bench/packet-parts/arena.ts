/**
 * Where the packet engine is measured: a lab of two network namespaces joined by veth, one core each side, a fresh server
 * for every turn. A turn gives connections a second, and what each cost the load core: everything that core did, the
 * kernel's packet processing too.
 */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { LoadOrder } from '../../agent/load.ts';
import type { Lab } from '../../coordinator/labs/lab.ts';
import { openLab } from '../../coordinator/labs/open-lab.ts';
import { readCpuTimes } from '../../linux/cpu-times.ts';
import { launchServer, type ServerSpec } from '../../server-under-test/launch.ts';
import { benchOrder, failuresOf, floodOnce } from '../runner/flood-once.ts';

export const loadCore = 0;
export const serverCore = 1;
export const userLevel = 'user-level';
const responseBytes = 64;
/** Enough for rests of a second at any rate that one core makes. */
const sourceAddresses = 16;
/** USER_HZ is 100 on every machine that Linux runs on here. */
const tickMs = 10;
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
      const [{ backend, result }, work] = await Promise.all([
        floodOnce(
          this.order(server.port, { load: { kind: 'closed', concurrency }, measuredSeconds: seconds }),
        ),
        sampling(process.pid, warmUpSeconds, seconds),
      ]);
      const failures = failuresOf(result);
      if (failures !== '') throw new Error(`Cannot compare with failures: ${failures}`);
      return turnOf(result.counts.completed / result.measuredSeconds, work, backend);
    } finally {
      await server.kill();
    }
  }

  /** One run of wrk: a connection a request. @throws when it met errors. */
  async wrk(variant: string, concurrency: number, seconds: number): Promise<Turn> {
    await this.place(variant, 'wrk');
    const server = await launchServer(this.spec(variant));
    try {
      // wrk counts from its first connection on; its time is looked at within that.
      const wholeSeconds = Math.ceil(seconds + warmUpSeconds);
      const running = promisify(execFile)('nsenter', [
        ...[`--net=${this.#lab.agents[0].namespace}`, '--', 'taskset', '-c', String(loadCore)],
        ...['wrk', '-t1', `-c${concurrency}`, `-d${wholeSeconds}s`, '-H', 'Connection: close'],
        `http://${this.#lab.serverAddresses[0]}:${server.port}/${responseBytes}`,
      ]);
      const [{ stdout }, work] = await Promise.all([
        running,
        sampling(running.child.pid ?? 0, warmUpSeconds / 2, seconds),
      ]);
      const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1]);
      if (!(perSecond > 0) || /Socket errors|Non-2xx/.test(stdout))
        throw new Error(`Cannot compare with what wrk says: ${stdout}`);
      return turnOf(perSecond, work, 'wrk');
    } finally {
      await server.kill();
    }
  }
}

/**
 * What the load took of its core from `afterSeconds` on, for so long: the time of its process, and all of the kernel's
 * packet processing there. What others do on that core, and what a hypervisor takes away, is not the load's.
 */
async function sampling(pid: number, afterSeconds: number, seconds: number): Promise<number> {
  await pause(afterSeconds);
  const before = workTicks(pid);
  const beganMs = performance.now();
  await pause(seconds);
  return ((workTicks(pid) - before) * tickMs) / (performance.now() - beganMs);
}

/** proc_pid_stat(5): fields 14 and 15, counted from behind the name, which may hold anything. */
function workTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  const softirq = readCpuTimes().find(({ core }) => core === loadCore)?.softirq ?? Number.NaN;
  return Number(fields[11]) + Number(fields[12]) + softirq;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, seconds * 1000);
  });
}

function turnOf(perSecond: number, busy: number, backend: string): Turn {
  return { perSecond, microsecondsEach: (busy * 1e6) / perSecond, backend };
}
