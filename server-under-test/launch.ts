/**
 * Starting a server under test: a fresh process for one trial, and what can be asked of it while it runs.
 *
 *   launcher                             process.ts
 *     │ ── spec ────────────────────────► │ enters the namespace, listens, starts a pinned thread a core
 *     │ ◄───────────────── ready, port ── │ (or failed: why)
 *     │ ◄─────────── accepted, 5 a second │
 *     │ ── begin, end ──────────────────► │ marks of the measured interval
 *     │ ── finish ──────────────────────► │ stops, gathers
 *     │ ◄───────────────────── result ─── │ and exits
 *
 * The process leads a process group of its own and dies with its launcher; whatever the group still has when it is gone
 * is killed.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onCores } from '../linux/thread.ts';
import { collectorFlags } from '../net/engine-flags.ts';
import type { CloseMode } from '../protocol/cell.ts';
import { type Failure, runIncomplete } from '../protocol/failure.ts';
import type { ServerResult } from '../protocol/messages.ts';
import { type Application, designs, parseVariant } from '../protocol/variant-catalogue.ts';
import {
  type ChildMessage,
  childMessageSchema,
  failureOf,
  type LauncherMessage,
} from './process-messages.ts';

export interface ServerSpec {
  /** `design` or `design:option`. */
  readonly variant: string;
  readonly application: Application;
  readonly messages: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly close: CloseMode;
  /** One pinned thread on each. */
  readonly cores: readonly number[];
  /** Path of the network namespace to serve in (`/proc/PID/ns/net`); null: stay. */
  readonly namespace: string | null;
  readonly addresses: readonly string[];
  /** 0: any free port, the same on every address. */
  readonly port: number;
  readonly readyMs: number;
  /** A connection on which nothing happens for so long is ended; 30 s without it. */
  readonly idleMs?: number;
  /** False: accept wait is not measured. True without it. */
  readonly traceAccepts?: boolean;
}

export interface RunningServer {
  readonly port: number;
  readonly pid: number;
  /** What will be null in its result, and why. */
  readonly notes: Readonly<Record<string, string>>;
  /** Connections accepted since its start, by the order of `cores`; null where the server does not tell. */
  accepted(): readonly number[] | null;
  /** Marks the start of the measured interval. */
  beginMeasuring(): void;
  /** Marks its end. */
  endMeasuring(): void;
  /** Ends the process (asks it, then SIGKILL), and says what was measured between the marks. */
  finish(): Promise<ServerResult>;
  /** Ends the process at once; never rejects. */
  kill(): Promise<void>;
  /** Settles when the process ends without having been told to: how it ended, e.g. "killed by SIGSEGV". */
  readonly died: Promise<string>;
}

/** How long a server may take to stop and to tell its result. */
const finishMs = 2_000;
/** Of what a server said on stderr, so much is kept for the message that tells of its end. */
const stderrCharacters = 2_000;

/**
 * Starts a server and resolves once it serves.
 * @throws {Failure} when it cannot, when it ends before it is ready, or when it is not ready within `readyMs`.
 */
export async function launchServer(spec: ServerSpec): Promise<RunningServer> {
  const server = new ServerProcess(spec);
  try {
    return await server.ready();
  } catch (error) {
    await server.kill();
    throw error;
  }
}

class ServerProcess {
  readonly #spec: ServerSpec;
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #inbox: Inbox;
  /** What a program that is not ours writes files into; gone when it is, however it ended. Null: nothing writes. */
  readonly #folder: string | null;
  /** How the process ended. */
  readonly #ended: Promise<string>;
  #stderr = '';
  #accepted: readonly number[] | null = null;
  #told = false;

  constructor(spec: ServerSpec) {
    this.#spec = spec;
    const design = parseVariant(spec.variant)?.design;
    const writes = design !== undefined && !designs[design].ours;
    this.#folder = writes ? mkdtempSync(join(tmpdir(), 'stampede-server-')) : null;
    // All of it stays on its cores, the collector of its garbage too: that is part of what it costs.
    this.#child = onCores(spec.cores, () =>
      spawn(process.execPath, [...collectorFlags, new URL('./process.js', import.meta.url).pathname], {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        detached: true,
        // Nothing of the launcher's surroundings (debuggers, coverage) shall slow a server down.
        env: { PATH: process.env.PATH ?? '', TMPDIR: this.#folder ?? tmpdir() },
      }),
    );
    this.#pid = this.#child.pid ?? 0;
    this.#inbox = new Inbox(this.#child);
    this.#inbox.on('accepted', ({ counts }) => {
      this.#accepted = counts;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrCharacters);
    });
    this.#ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#removeFolder();
        resolve(`could not be run: ${error.message}`);
      });
      this.#child.on('exit', () => this.#killGroup());
      // Not "exit": what it said last may still be in the pipe.
      this.#child.on('close', (code, signal) => {
        this.#removeFolder();
        const how = signal === null ? `exited with status ${code}` : `killed by ${signal}`;
        const words = this.#stderr.trim();
        resolve(words === '' ? how : `${how}: ${words}`);
      });
    });
  }

  async ready(): Promise<RunningServer> {
    const { variant, readyMs } = this.#spec;
    const ready = this.#inbox.next('ready');
    const failed = this.#inbox.next('failed');
    this.#say({ kind: 'spec', spec: this.#spec });
    const outcome = await firstOf<{ ready: ChildMessage & { kind: 'ready' } } | { problem: Failure }>(
      readyMs,
      [
        ready.then((message) => ({ ready: message })),
        failed.then((message) => ({ problem: failureOf(message) })),
        this.#ended.then((how) => ({
          problem: runIncomplete(
            `Cannot start the server "${variant}": its process ended before it was ready: ${how}`,
          ),
        })),
      ],
    );
    if (outcome === null) {
      throw runIncomplete(
        `Cannot start the server "${variant}": not ready after ${readyMs} ms; wanted it sooner, or a longer timeouts.serverReadySeconds`,
      );
    }
    if ('problem' in outcome) throw outcome.problem;
    const { port, notes, accepted } = outcome.ready;
    this.#accepted = accepted;
    return {
      port,
      pid: this.#pid,
      notes,
      accepted: () => this.#accepted,
      beginMeasuring: () => this.#say({ kind: 'begin' }),
      endMeasuring: () => this.#say({ kind: 'end' }),
      finish: () => this.#finish(),
      kill: () => this.kill(),
      died: this.#died(),
    };
  }

  /** Ends the process and its group at once. */
  async kill(): Promise<void> {
    this.#told = true;
    this.#killGroup();
    await this.#ended;
  }

  async #finish(): Promise<ServerResult> {
    const { variant } = this.#spec;
    this.#told = true;
    const result = this.#inbox.next('result');
    this.#say({ kind: 'finish' });
    const outcome = await firstOf<{ result: ServerResult } | { ended: string }>(finishMs, [
      result.then((message) => ({ result: message.result })),
      this.#ended.then((how) => ({ ended: how })),
    ]);
    // It exits by itself once it has told; one that does not is stuck.
    const gone = outcome !== null && (await firstOf(finishMs, [this.#ended])) !== null;
    if (!gone) await this.kill();
    if (outcome !== null && 'result' in outcome) return outcome.result;
    throw runIncomplete(
      outcome === null
        ? `Cannot finish the server "${variant}": it did not tell its result within ${finishMs} ms, and was killed`
        : `Cannot finish the server "${variant}": its process had ended: ${outcome.ended}`,
    );
  }

  async #died(): Promise<string> {
    const how = await this.#ended;
    return this.#told ? new Promise<never>(() => {}) : how;
  }

  #say(message: LauncherMessage): void {
    // To a process that is gone nothing can be said; its end is told by `died`.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #removeFolder(): void {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }

  #killGroup(): void {
    if (this.#pid === 0) return;
    try {
      process.kill(-this.#pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }
}

/** Messages of a server process, by kind. What does not parse is dropped: it can only be our own mistake. */
class Inbox {
  readonly #listeners = new Set<(message: ChildMessage) => void>();

  constructor(child: ChildProcess) {
    child.on('message', (raw: unknown) => {
      const parsed = childMessageSchema.safeParse(raw);
      if (parsed.success) for (const listener of this.#listeners) listener(parsed.data);
    });
  }

  on<Kind extends ChildMessage['kind']>(kind: Kind, listener: (message: OfKind<Kind>) => void): void {
    this.#listeners.add((message) => {
      if (isOfKind(message, kind)) listener(message);
    });
  }

  next<Kind extends ChildMessage['kind']>(kind: Kind): Promise<OfKind<Kind>> {
    return new Promise<OfKind<Kind>>((resolve) => {
      this.on<Kind>(kind, resolve);
    });
  }
}

type OfKind<Kind extends ChildMessage['kind']> = Extract<ChildMessage, { readonly kind: Kind }>;

function isOfKind<Kind extends ChildMessage['kind']>(
  message: ChildMessage,
  kind: Kind,
): message is OfKind<Kind> {
  return message.kind === kind;
}

/** The first of `promises` to resolve; null: none did in time. */
async function firstOf<Value>(limitMs: number, promises: readonly Promise<Value>[]): Promise<Value | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, limitMs, null);
  });
  try {
    return await Promise.race([...promises, late]);
  } finally {
    clearTimeout(timer);
  }
}
