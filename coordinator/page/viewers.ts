/**
 * Those who watch, one WebSocket each. A viewer says where it is in the log and is told what is newer, a piece at a time:
 * the next piece goes out when the last one has left, and never more often than the beat once it has caught up. So a slow
 * one is told less often and holds one piece of memory; one that takes nothing for a while is dropped.
 */

import { type RawData, WebSocket } from 'ws';
import { type LiveRequest, liveRequestSchema } from '../../protocol/live-page.ts';
import type { ChangeLog } from './change-log.ts';

export interface ViewerLimits {
  readonly viewers: number;
  /** Between two pieces for one that has caught up. */
  readonly beatMs: number;
  /** Without an answer to a ping, or with a piece that does not leave: gone. */
  readonly patienceMs: number;
  /** After this long without a change a viewer is told that somebody is still there. */
  readonly silenceMs: number;
  readonly pieceCharacters: number;
  /** A page asks once a connection; one that asks more often is not a page. */
  readonly requests: number;
}

export const viewerLimits: ViewerLimits = {
  viewers: 32,
  beatMs: 250,
  patienceMs: 20_000,
  silenceMs: 5_000,
  pieceCharacters: 262_144,
  requests: 20,
};

const goodbyeMs = 500;
/** RFC 6455, section 7.4.1. */
const closeCodes = { goingAway: 1001, policy: 1008, tryLater: 1013 } as const;

interface Viewer {
  readonly socket: WebSocket;
  /** The last change it was sent; null: it has not asked yet. */
  sequence: number | null;
  anew: boolean;
  requests: number;
  isSending: boolean;
  /** When something last came from it, and when something was last sent to it. */
  heardAtMs: number;
  toldAtMs: number;
}

export class Viewers {
  readonly #log: ChangeLog;
  readonly #server: string;
  readonly #limits: ViewerLimits;
  readonly #viewers = new Set<Viewer>();
  #beat: NodeJS.Timeout | null = null;

  /** @param server names whose numbers these are: another one for every process. */
  constructor(log: ChangeLog, server: string, limits: ViewerLimits = viewerLimits) {
    this.#log = log;
    this.#server = server;
    this.#limits = limits;
  }

  get count(): number {
    return this.#viewers.size;
  }

  add(socket: WebSocket): void {
    if (this.#viewers.size >= this.#limits.viewers) {
      socket.close(closeCodes.tryLater, `${this.#viewers.size} are watching already`);
      return;
    }
    const now = performance.now();
    const viewer: Viewer = {
      socket,
      sequence: null,
      anew: true,
      requests: 0,
      isSending: false,
      heardAtMs: now,
      toldAtMs: now,
    };
    this.#viewers.add(viewer);
    socket.on('message', (data, isBinary) => this.#hear(viewer, data, isBinary));
    socket.on('pong', () => {
      viewer.heardAtMs = performance.now();
    });
    socket.on('close', () => this.#forget(viewer));
    // A broken frame, or one over the limit: ws says goodbye and reads on until it is answered; we do not wait for that.
    socket.on('error', () => {
      this.#forget(viewer);
      setTimeout(() => socket.terminate(), goodbyeMs).unref();
    });
    this.#beat ??= setInterval(() => this.#tick(), this.#limits.beatMs).unref();
  }

  /** Tells everybody what they have not been told, as far as it leaves in time, and closes. */
  async close(withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    const isBehind = (viewer: Viewer): boolean =>
      viewer.socket.readyState === WebSocket.OPEN &&
      (viewer.isSending || (viewer.sequence !== null && viewer.sequence < this.#log.sequence));
    while ([...this.#viewers].some(isBehind) && performance.now() < deadline) {
      for (const viewer of this.#viewers) this.#tell(viewer);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    for (const { socket } of this.#viewers) socket.close(closeCodes.goingAway, 'the run is over');
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const viewer of [...this.#viewers]) {
      viewer.socket.terminate();
      this.#forget(viewer);
    }
  }

  #hear(viewer: Viewer, data: RawData, isBinary: boolean): void {
    viewer.heardAtMs = performance.now();
    const request = isBinary ? null : parseRequest(data);
    if (request === null || ++viewer.requests > this.#limits.requests) {
      const reason = request === null ? 'wanted {"kind":"since","server":…,"sequence":…}' : 'asked too often';
      viewer.socket.close(closeCodes.policy, reason);
      this.#forget(viewer);
      return;
    }
    const isOurs = request.server === this.#server && request.sequence <= this.#log.sequence;
    viewer.anew = !isOurs;
    viewer.sequence = isOurs ? request.sequence : 0;
    this.#tell(viewer);
  }

  #tick(): void {
    const now = performance.now();
    for (const viewer of this.#viewers) {
      const silentMs = now - viewer.heardAtMs;
      const stuckMs = viewer.isSending ? now - viewer.toldAtMs : 0;
      if (Math.max(silentMs, stuckMs) > this.#limits.patienceMs) {
        viewer.socket.terminate();
        this.#forget(viewer);
        continue;
      }
      if (silentMs > this.#limits.patienceMs / 2 && viewer.socket.readyState === WebSocket.OPEN)
        viewer.socket.ping();
      this.#tell(viewer);
      if (viewer.sequence !== null && !viewer.isSending && now - viewer.toldAtMs > this.#limits.silenceMs)
        this.#send(viewer, '{"kind":"alive"}');
    }
  }

  /** The next piece, if it is there and the last one has left. */
  #tell(viewer: Viewer): void {
    if (viewer.sequence === null || viewer.isSending || viewer.socket.readyState !== WebSocket.OPEN) return;
    const piece = this.#log.since(viewer.sequence, this.#limits.pieceCharacters);
    if (piece === null) return;
    const head = `{"kind":"changes","server":"${this.#server}","anew":${viewer.anew},"upTo":${piece.upTo}`;
    viewer.sequence = piece.upTo;
    viewer.anew = false;
    this.#send(viewer, `${head},"documents":{${piece.text}}}`);
  }

  #send(viewer: Viewer, text: string): void {
    viewer.isSending = true;
    viewer.toldAtMs = performance.now();
    const before = this.#log.sequence;
    viewer.socket.send(text, () => {
      viewer.isSending = false;
      // What was there when this piece was made does not wait for the beat.
      if (viewer.sequence !== null && viewer.sequence < before) this.#tell(viewer);
    });
  }

  #forget(viewer: Viewer): void {
    this.#viewers.delete(viewer);
    if (this.#viewers.size > 0 || this.#beat === null) return;
    clearInterval(this.#beat);
    this.#beat = null;
  }
}

/** Null: it is nothing that a page says. */
function parseRequest(data: RawData): LiveRequest | null {
  try {
    const parsed = liveRequestSchema.safeParse(JSON.parse(String(data)));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
