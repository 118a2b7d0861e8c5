/**
 * A namespace without a name: a network and a mount namespace held by one sleeping process.
 *
 * It goes when that process goes, with its devices, routes and settings. The process goes when the coordinator goes,
 * however that ends: PR_SET_PDEATHSIG kills it, and the end of its standard input ends it even if that was lost.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { badInput } from '../../protocol/failure.ts';
import { findProgram, withSystemFolders } from './program.ts';

/** A sysfs of the new namespace (it shows devices of where it was mounted), then sleep until the input ends. */
const hold = 'mount -t sysfs none /sys && echo held && exec cat';
const readyMs = 5_000;

export interface Holder {
  readonly pid: number;
  /** `/proc/PID/ns/net`: what setns takes. */
  readonly path: string;
  /** Settles when the holder ends without having been told to. */
  readonly died: Promise<string>;
  /** Runs a program inside, with `input` on its standard input. @throws {Failure} with what it said. */
  run(program: string, parameters: readonly string[], input?: string): Promise<string>;
  /** Writes a file of sysfs, e.g. `class/net/veth0/queues/rx-0/rps_cpus`. */
  writeSys(path: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** @throws {Failure} exit status 2 when the kernel or our rights refuse it. */
export async function holdNamespace(purpose: string): Promise<Holder> {
  const child = spawn(
    findProgram('setpriv') ?? 'setpriv',
    ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', hold],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) =>
      resolve(signal === null ? `ended with ${status}` : `killed by ${signal}`),
    );
  });
  await untilHeld(child, purpose, ended);
  const pid = child.pid as number;
  let closing = false;
  return {
    pid,
    path: `/proc/${pid}/ns/net`,
    died: new Promise((resolve) => {
      void ended.then((how) => {
        if (!closing) resolve(`the holder of the ${purpose} namespace (pid ${pid}) was ${how}`);
      });
    }),
    run: (program, parameters, input) =>
      runProgram('nsenter', [`--net=/proc/${pid}/ns/net`, '--', program, ...parameters], input),
    writeSys: (path, text) => writeFile(`/proc/${pid}/root/sys/${path}`, text),
    close: async () => {
      closing = true;
      child.kill('SIGKILL');
      await ended;
    },
  };
}

async function untilHeld(child: ChildProcess, purpose: string, ended: Promise<string>): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (data: Buffer) => {
    complaint = (complaint + data.toString()).slice(-500);
  });
  // Without a listener a write to a dead holder would end the coordinator.
  child.stdin?.on('error', () => {});
  const held = once(child.stdout as NodeJS.ReadableStream, 'data').then(() => null);
  const timeout = new Promise<string>((resolve) => {
    setTimeout(() => resolve(`nothing for ${readyMs} ms`), readyMs).unref();
  });
  const failure = await Promise.race([held, ended, timeout]);
  if (failure === null) return;
  child.kill('SIGKILL');
  throw badInput(
    `Cannot make the ${purpose} namespace: ${complaint.trim() || failure}; needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN), ` +
      'see "stampede doctor". Or use --lab loopback, which needs no rights.',
  );
}

async function runProgram(program: string, parameters: readonly string[], input = ''): Promise<string> {
  const child = spawn(findProgram(program) ?? program, parameters, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, PATH: withSystemFolders(), LC_ALL: 'C' },
    timeout: 10_000,
  });
  let output = '';
  let complaint = '';
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    complaint += data.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const status = await new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(code ?? String(signal)));
  });
  if (status !== 0)
    throw badInput(
      `Cannot set up the lab: "${program} ${parameters.slice(1).join(' ')}" said ${complaint.trim() || status}; ` +
        'needs root (CAP_SYS_ADMIN and CAP_NET_ADMIN), see "stampede doctor".',
    );
  return output;
}
