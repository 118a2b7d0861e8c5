/**
 * The way to the coordinator, kept up: when it is cut it is made again, and what was missed is asked for. It gives up
 * after ten minutes without an answer, or when the run is over; then a person has to ask.
 */

import type { LiveMessage } from '../../protocol/live-page.ts';

/** waiting: cut off, and to be tried again · lost: given up. */
export type ConnectionState = 'connecting' | 'open' | 'waiting' | 'lost' | 'over';

const firstWaitMs = 500;
const longestWaitMs = 10_000;
const giveUpMs = 600_000;
/** The coordinator says something at least every five seconds. */
const silentMs = 15_000;

export interface ConnectionEvents {
  /** Where to go on from. */
  position(): { readonly server: string | null; readonly sequence: number };
  onMessage(message: Extract<LiveMessage, { kind: 'changes' }>): void;
  onState(state: ConnectionState): void;
}

export class Connection {
  readonly #events: ConnectionEvents;
  #socket: WebSocket | null = null;
  #waitMs = firstWaitMs;
  #cutAtMs: number | null = null;
  #timer = 0;
  #isOver = false;

  constructor(events: ConnectionEvents) {
    this.#events = events;
    addEventListener('online', () => this.#hurry());
    document.addEventListener('visibilitychange', () => this.#hurry());
  }

  open(): void {
    clearTimeout(this.#timer);
    this.#events.onState('connecting');
    const url = new URL('./live', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onopen = () => {
      socket.send(JSON.stringify({ kind: 'since', ...this.#events.position() }));
      this.#listen(socket);
    };
    socket.onmessage = ({ data }) => {
      this.#waitMs = firstWaitMs;
      this.#cutAtMs = null;
      this.#listen(socket);
      this.#events.onState('open');
      const message = JSON.parse(String(data)) as LiveMessage;
      if (message.kind === 'changes') this.#events.onMessage(message);
    };
    socket.onclose = () => void this.#cut(socket);
  }

  /** Nothing more will come: a connection that ends now is not made again. */
  over(): void {
    this.#isOver = true;
  }

  /** Asked for by a person. */
  retry(): void {
    this.#cutAtMs = null;
    this.#waitMs = firstWaitMs;
    this.open();
  }

  /** One that has fallen silent is as good as cut. */
  #listen(socket: WebSocket): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      socket.onclose = null;
      socket.close();
      void this.#cut(socket);
    }, silentMs);
  }

  async #cut(socket: WebSocket): Promise<void> {
    if (socket !== this.#socket) return;
    clearTimeout(this.#timer);
    this.#socket = null;
    if (this.#isOver) return this.#events.onState('over');
    this.#cutAtMs ??= performance.now();
    if (performance.now() - this.#cutAtMs > giveUpMs) return this.#events.onState('lost');
    this.#events.onState('waiting');
    const waitMs = this.#waitMs;
    this.#waitMs = Math.min(2 * waitMs, longestWaitMs);
    this.#timer = setTimeout(() => void this.#again(), waitMs);
  }

  /** A login that has run out looks like a cut: then the page itself has to be asked for. */
  async #again(): Promise<void> {
    const status = await fetch('api/runs').then(
      (response) => response.status,
      () => 0,
    );
    if (this.#socket !== null) return;
    if (status === 401) location.reload();
    else this.open();
  }

  #hurry(): void {
    if (this.#socket !== null || this.#isOver || this.#cutAtMs === null || document.hidden) return;
    this.open();
  }
}
