/**
 * nginx as a server under test: a temporary folder, one master with pinned workers, all of it gone afterwards. It is a
 * reference that we only look at from outside: it tells how many connections it accepted (stub_status, on a socket of its
 * own in the folder), not which worker took them.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostPort } from '../linux/sockets.ts';
import { badInput, messageOf, runIncomplete } from '../protocol/failure.ts';
import { freePort } from './listeners.ts';
import { findNginx, nginxFiles } from './nginx-program.ts';
import type {
  StartedVariant,
  VariantImplementation,
  VariantResult,
  VariantSetting,
} from './variants/variant.ts';

export const nginxCannot: VariantImplementation['cannot'] = {
  'any-response-size': 'it is configured for "/" and for the size of the trial; any other path is 404',
  'refuse-methods': '"return" answers any method alike; checking it would cost nginx time in every request',
  'accepts-per-core': 'nginx does not tell which worker accepted a connection',
  'accept-wait': 'nginx does not tell when it accepted a connection',
  locality: 'nginx does not tell on which core it accepted a connection',
};

const notes: Readonly<Record<string, string>> = {
  'server.cores.accepted': `not measured: ${nginxCannot['accepts-per-core']}`,
  'server.acceptFairness': `not measured: ${nginxCannot['accepts-per-core']}`,
  'server.locality': `not measured: ${nginxCannot.locality}`,
  'latencySeconds.accept': `not measured: ${nginxCannot['accept-wait']}`,
};

/** Under the limit of descriptors that most systems give a process; each worker has as many. */
const connectionsPerWorker = 16_384;
const stopMs = 400;

export async function startNginx(
  spec: VariantSetting['spec'],
  how: { readonly reusePort: boolean },
): Promise<StartedVariant> {
  const program = findNginx();
  if (program === null) {
    throw badInput(
      'Cannot start nginx: it is neither on the path nor in /usr/sbin; install it ("apt-get install nginx-light"), or leave the nginx variants out',
    );
  }
  const port = freePort(spec.addresses, spec.port);
  const folder = mkdtempSync(join(tmpdir(), 'stampede-nginx-'));
  let child: ChildProcess | null = null;
  try {
    writeFiles(
      folder,
      nginxFiles({
        folder,
        cores: spec.cores,
        endpoints: spec.addresses.map((address) => hostPort(address, port)),
        reusePort: how.reusePort,
        responseBytes: spec.responseBytes,
        connectionsPerWorker,
      }),
    );
    child = startProgram(program, folder);
    const ended = endOf(child, folder);
    await Promise.race([answers(spec.addresses, port, spec.responseBytes), ended.then(refuse)]);
    const status = new StubStatus(join(folder, 'status.sock'));
    // What was accepted before: our own questions whether it is ready.
    const first = await status.accepted();
    return started({ child, ended, folder, port, status, first });
  } catch (error) {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function started(nginx: {
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  readonly folder: string;
  readonly port: number;
  readonly status: StubStatus;
  readonly first: number | null;
}): StartedVariant {
  const { child, ended, folder, port, status, first } = nginx;
  let atBegin = Promise.resolve(first);
  let atEnd: Promise<number | null> | null = null;
  let stopping = false;
  const failed = ended.then((how) => {
    if (stopping) return new Promise<never>(() => {});
    rmSync(folder, { recursive: true, force: true });
    return runIncomplete(`Cannot go on serving: nginx ${how}`);
  });
  return {
    port,
    notes,
    failed,
    accepted: () => null,
    beginMeasuring: () => {
      atBegin = status.accepted();
      atEnd = null;
    },
    endMeasuring: () => {
      atEnd = status.accepted();
    },
    stop: async () => {
      const last = await status.accepted();
      const begin = await atBegin;
      const end = await (atEnd ?? last);
      stopping = true;
      child.kill('SIGTERM');
      const inTime = await Promise.race([ended.then(() => true), sleep(stopMs).then(() => false)]);
      // Its workers, should they live on, end with the process group: see launch.ts.
      if (!inTime) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
      return resultOf({ first, begin, end, last, lateMs: status.latestMs });
    },
  };
}

function resultOf(counts: {
  readonly first: number | null;
  readonly begin: number | null;
  readonly end: number | null;
  readonly last: number | null;
  readonly lateMs: number;
}): VariantResult {
  const difference = (to: number | null, from: number | null): number | null =>
    to === null || from === null ? null : Math.max(0, to - from);
  const accepted = difference(counts.end, counts.begin);
  const lifetimeAccepted = difference(counts.last, counts.first);
  const reason = 'not measured: nginx did not answer on its stub_status socket';
  return {
    acceptedByCore: null,
    accepted,
    lifetimeAccepted,
    locality: null,
    accept: null,
    notes: {
      ...notes,
      'server.accepted':
        accepted === null
          ? reason
          : `counted by nginx (stub_status), which told it at most ${Math.ceil(counts.lateMs)} ms after each mark`,
      ...(lifetimeAccepted === null ? { 'server.lifetimeAccepted': reason } : {}),
    },
  };
}

/** The count that nginx keeps over all workers, without the connections that ask for it. */
class StubStatus {
  /** The longest that an answer took. */
  latestMs = 0;
  readonly #socketPath: string;
  #asked = 0;
  #last: Promise<number | null> = Promise.resolve(null);

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** Null: it did not answer in time. One question after the other, or they would count each other. */
  accepted(): Promise<number | null> {
    this.#last = this.#last.then(() => this.#ask());
    return this.#last;
  }

  async #ask(): Promise<number | null> {
    try {
      const mine = ++this.#asked;
      const askedAtMs = performance.now();
      const { body } = await fetchText({ socketPath: this.#socketPath, path: '/' });
      this.latestMs = Math.max(this.latestMs, performance.now() - askedAtMs);
      const match = /^\s*(\d+) \d+ \d+/m.exec(body);
      return match === null ? null : Number(match[1]) - mine;
    } catch {
      return null;
    }
  }
}

function writeFiles(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  for (const [name, bytes] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, bytes);
  }
}

/** In the network namespace and process group of the caller; told to stop when the caller's process dies. */
function startProgram(program: string, folder: string): ChildProcess {
  // setpriv belongs to util-linux, which Debian always has.
  const command = [
    '--pdeathsig',
    'TERM',
    program,
    '-p',
    folder,
    '-c',
    join(folder, 'nginx.conf'),
    '-e',
    'stderr',
  ];
  return spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** How the program ended, with its last words. Never rejects. */
async function endOf(child: ChildProcess, folder: string): Promise<string> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-1_000);
  });
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    const log = words.trim() || errorLog(folder);
    return `${signal === null ? `exited with status ${code}` : `was killed by ${signal}`}${log === '' ? '' : `: ${log}`}`;
  } catch (error) {
    return `could not be run: ${messageOf(error)}`;
  }
}

function errorLog(folder: string): string {
  try {
    return readFileSync(join(folder, 'error.log'), 'utf8').trim().slice(-1_000);
  } catch {
    return '';
  }
}

function refuse(how: string): never {
  throw runIncomplete(`Cannot start nginx: it ${how}`);
}

/** Resolves once every address serves the page of the trial. */
async function answers(addresses: readonly string[], port: number, responseBytes: number): Promise<void> {
  for (const host of addresses) {
    for (;;) {
      try {
        const { status, body } = await fetchText({ host, port, path: `/${responseBytes}` });
        if (status === 200 && body.length === responseBytes) break;
        throw new Error(`it answers ${status} with ${body.length} bytes`);
      } catch {
        await sleep(10);
      }
    }
  }
}

function fetchText(where: {
  readonly host?: string;
  readonly port?: number;
  readonly socketPath?: string;
  readonly path: string;
}): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(
      { ...where, agent: false, timeout: 300, headers: { connection: 'close' } },
      (response) => {
        let body = '';
        response.setEncoding('latin1').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}
