/** A real `prometheus` for tests: on a free port of loopback, its data in a folder that goes with it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { installed } from '../server/under-test.ts';

/** For `skip`: false when it is there, else why the test is skipped. */
export function withoutProgram(program: string): string | false {
  return installed(program) ? false : `${program} is not installed: apt-get install prometheus`;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  /** Of an instant query one value, of a range all, NaN left out. */
  readonly values: readonly number[];
}

export interface Prometheus {
  /** As it was at `at`, in seconds since 1970. */
  instant(expression: string, at: number): Promise<Sample[]>;
  range(expression: string, from: number, until: number, stepSeconds: number): Promise<Sample[]>;
  /** `up` or why not, by job. */
  targets(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

export async function startPrometheus(config: object): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'stampede-prometheus-'));
  const path = join(folder, 'prometheus.yml');
  writeFileSync(path, stringify(config));
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${path}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const killNow = () => child.kill('SIGKILL');
  process.on('exit', killNow);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000);
  });
  const base = `http://127.0.0.1:${port}`;
  await untilReady(base, child, () => said);
  return {
    instant: async (expression, at) => ask(base, 'query', { query: expression, time: String(at) }),
    range: async (expression, from, until, stepSeconds) =>
      ask(base, 'query_range', {
        query: expression,
        start: String(from),
        end: String(until),
        step: String(stepSeconds),
      }),
    targets: async () => {
      const { data } = (await (await fetch(`${base}/api/v1/targets`)).json()) as {
        data: { activeTargets: { labels: { job: string }; health: string; lastError: string }[] };
      };
      return Object.fromEntries(
        data.activeTargets.map(({ labels, health, lastError }) => [
          labels.job,
          health === 'up' ? health : lastError,
        ]),
      );
    },
    async stop() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      process.off('exit', killNow);
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** Nobody has it at the moment: good enough for tests. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}

async function untilReady(base: string, child: ChildProcess, said: () => string): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 100) {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${said()}`);
    const ready = await fetch(`${base}/-/ready`).then(
      ({ status }) => status === 200,
      () => false,
    );
    if (ready) return;
    await sleep(100);
  }
  throw new Error(`Prometheus is not ready after 30 s: ${said()}`);
}

async function ask(base: string, api: string, form: Record<string, string>): Promise<Sample[]> {
  const response = await fetch(`${base}/api/v1/${api}`, { method: 'POST', body: new URLSearchParams(form) });
  const answer = (await response.json()) as {
    status: string;
    error?: string;
    data?: {
      result: { metric: Record<string, string>; value?: [number, string]; values?: [number, string][] }[];
    };
  };
  if (answer.status !== 'success') throw new Error(`${form.query}: ${answer.error}`);
  return (answer.data?.result ?? []).map(({ metric, value, values }) => ({
    labels: metric,
    values: [...(values ?? []), ...(value === undefined ? [] : [value])]
      .map(([, text]) => Number(text))
      .filter((number) => !Number.isNaN(number)),
  }));
}
