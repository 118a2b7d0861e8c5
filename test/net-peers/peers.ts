/** Kernel peers as processes in a namespace: to be started in a line, and gone when the test is over. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Namespace } from '../linux/two-namespaces.ts';
import type {
  FetchJob,
  FetchResult,
  ShortJob,
  ShortResult,
  TransferJob,
  TransferResult,
} from './kernel-peer.ts';

const entry = fileURLToPath(new URL('./kernel-peer.js', import.meta.url));

type Job<Kind extends TransferJob | ShortJob | FetchJob> = Omit<Kind, 'role'>;

/** Serves until the test is over. */
export async function kernelServer(
  t: TestContext,
  namespace: Namespace,
  job: Job<TransferJob> | Job<ShortJob>,
): Promise<void> {
  const child = start(t, namespace, { ...job, role: 'server' });
  assert.ok(child.stdout !== null);
  const [said] = await once(child.stdout, 'data');
  assert.equal(String(said), 'listening\n');
}

export function kernelClient(
  t: TestContext,
  namespace: Namespace,
  job: Job<TransferJob>,
): Promise<TransferResult>;
export function kernelClient(t: TestContext, namespace: Namespace, job: Job<ShortJob>): Promise<ShortResult>;
export function kernelClient(t: TestContext, namespace: Namespace, job: Job<FetchJob>): Promise<FetchResult>;
/** @returns what came of it, when it is through. */
export async function kernelClient(
  t: TestContext,
  namespace: Namespace,
  job: Job<TransferJob> | Job<ShortJob> | Job<FetchJob>,
): Promise<TransferResult | ShortResult | FetchResult> {
  const child = start(t, namespace, { ...job, role: 'client' });
  let text = '';
  child.stdout?.on('data', (bytes) => {
    text += bytes;
  });
  const [status, signal] = await once(child, 'close');
  assert.deepEqual([status, signal], [0, null]);
  return JSON.parse(text) as TransferResult | ShortResult | FetchResult;
}

function start(t: TestContext, namespace: Namespace, job: object): ChildProcess {
  const child = namespace.inside(() =>
    spawn(process.execPath, [entry, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'inherit'] }),
  );
  t.after(() => child.kill('SIGKILL'));
  return child;
}
