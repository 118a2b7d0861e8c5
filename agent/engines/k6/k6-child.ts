/**
 * k6 as the load thread sees it: a child behind its guard, lines that come from it, an end. Nothing is kept of its output
 * but the last words; while lines are not taken, the pipe fills and k6 waits.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../protocol/failure.ts';
import { fromGuardSchema, type ToGuard } from './guard-messages.ts';

/** Longer than any line of ours: a summary has 8 KiB. */
const mostLineCharacters = 65_536;
const wordsKept = 5;
/** Said once a request that fails; the lines of the script say it better. */
const noise = /^(Request Failed|)$/;

export interface K6End {
  /** Null: it did not end by itself. */
  readonly status: number | null;
  /** e.g. "ended with status 107", with its last words. */
  readonly how: string;
}

export interface K6Start extends Omit<Extract<ToGuard, { kind: 'run' }>, 'kind'> {
  /** What it throws ends k6, and is how it ended. */
  readonly onLine: (line: string) => void;
}

export class K6Child {
  readonly #guard: ChildProcess;
  readonly #onLine: (line: string) => void;
  readonly #words: string[] = [];
  #rest = '';
  #told: { readonly status: number | null; readonly how: string } | null = null;
  #fault: string | null = null;
  /** Settles once it is gone and every line was taken; never rejects. */
  readonly ended: Promise<K6End>;

  /** In the network namespace and on the cores of the calling thread. */
  constructor({ onLine, ...start }: K6Start) {
    this.#onLine = onLine;
    // A group of its own, so that both can be killed at once.
    this.#guard = spawn(process.execPath, [fileURLToPath(new URL('./guard.js', import.meta.url))], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
      env: { PATH: process.env.PATH ?? '' },
    });
    this.#guard.stdout?.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    this.#guard.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keep(text.trim()));
    this.#guard.on('message', (raw: unknown) => {
      const message = fromGuardSchema.safeParse(raw);
      if (message.success) this.#told = message.data;
    });
    this.ended = new Promise((resolve) => {
      this.#guard.once('error', (error) =>
        resolve({ status: null, how: `could not be started: ${error.message}` }),
      );
      this.#guard.once('close', (_, signal) => resolve(this.#end(signal)));
    });
    this.#tell({ kind: 'run', ...start });
  }

  /** Until when it may go on; the guard sees to it even when this process cannot. */
  extend(leaseEndsAtNs: number): void {
    this.#tell({ kind: 'lease', leaseEndsAtNs });
  }

  /** At once, and every connection with it. */
  kill(): void {
    const { pid } = this.#guard;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left.
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    try {
      for (const line of lines) this.#onLine(line);
      if (this.#rest.length > mostLineCharacters)
        throw new Error(`Cannot read what k6 says: a line has over ${mostLineCharacters} characters`);
    } catch (error) {
      this.#fault ??= messageOf(error);
      this.#rest = '';
      this.kill();
    }
  }

  /** A line that is not of the script: why it ended may be in it. */
  keepWords(line: string): void {
    if (!noise.test(line)) this.#keep(line);
  }

  #keep(words: string): void {
    this.#words.push(words.slice(0, 300));
    if (this.#words.length > wordsKept) this.#words.shift();
  }

  #end(signal: NodeJS.Signals | null): K6End {
    const { status, how } = this.#told ?? {
      status: null,
      how: `was killed with its guard by ${signal ?? 'nobody'}`,
    };
    if (this.#fault !== null) return { status: null, how: `was ended: ${this.#fault}` };
    const said = this.#words.length === 0 ? '' : `; it said: ${this.#words.join(' | ')}`;
    return { status, how: `${how}${said}` };
  }

  #tell(message: ToGuard): void {
    // To a guard that is gone nothing can be said; its end is told by `ended`.
    if (this.#guard.connected) this.#guard.send(message, () => {});
  }
}
