/** A viewer without a browser: what it is told, and the copy of the documents that it holds. */

import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { LiveDocuments, LiveMessage, RateSample } from '../../protocol/live-page.ts';

export class LiveClient {
  readonly socket: WebSocket;
  readonly documents: Map<string, unknown>;
  readonly messages: { readonly atMs: number; readonly message: LiveMessage }[] = [];
  /** Settles with the close code, or the status of the refusal. */
  readonly closed: Promise<number>;
  server: string | null;
  sequence: number;

  /** @param before goes on from what that one has seen. */
  constructor(port: number, headers: Record<string, string> = {}, before: LiveClient | null = null) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers });
    this.documents = new Map(before?.documents ?? []);
    this.server = before?.server ?? null;
    this.sequence = before?.sequence ?? 0;
    this.closed = new Promise((resolve) => {
      this.socket.once('close', resolve);
      this.socket.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
    });
    this.socket.on('error', () => {});
    this.socket.on('message', (data) => this.#take(JSON.parse(String(data)) as LiveMessage));
  }

  #take(message: LiveMessage): void {
    this.messages.push({ atMs: performance.now(), message });
    if (message.kind !== 'changes') return;
    if (message.anew) this.documents.clear();
    this.server = message.server;
    this.sequence = message.upTo;
    for (const [key, document] of Object.entries(message.documents)) this.documents.set(key, document);
  }

  async asked(): Promise<this> {
    await new Promise<void>((resolve, reject) => {
      this.socket.once('open', resolve);
      this.socket.once('error', reject);
    });
    this.say({ kind: 'since', server: this.server, sequence: this.sequence });
    return this;
  }

  say(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  async until(isTrue: (client: this) => boolean, withinMs = 5_000): Promise<void> {
    for (const began = performance.now(); !isTrue(this); await sleep(5))
      if (performance.now() - began > withinMs) throw new Error('what was waited for did not come');
  }

  get<Key extends keyof LiveDocuments>(key: Key): LiveDocuments[Key] | undefined {
    return this.documents.get(key) as LiveDocuments[Key] | undefined;
  }

  get samples(): RateSample[] {
    return [...this.documents]
      .filter(([key]) => key.startsWith('rates/'))
      .sort(([one], [other]) => Number(one.slice(6)) - Number(other.slice(6)))
      .flatMap(([, samples]) => samples as RateSample[]);
  }
}
