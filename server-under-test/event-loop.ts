/**
 * The event loop of one core: level-triggered epoll, accepted connections served at once. A connection is read right
 * after it was accepted, and registered only if it has to wait: one whose request is there already, and that the server
 * closes, costs four calls (accept4, recv, send, close).
 *
 * Out of descriptors, it stops listening for a moment instead of spinning: waiting connections stay in the kernel's
 * queue until others end.
 */

import { EPOLLEXCLUSIVE, EPOLLIN, EPOLLOUT, Epoll } from '../linux/epoll.ts';
import { SystemCallError } from '../linux/libc.ts';
import { SOCK_CLOEXEC, SOCK_NONBLOCK } from '../linux/sockets.ts';
import { Accepting, EXHAUSTED, NEXT, NONE } from './accepting.ts';
import type { Application } from './applications/application.ts';
import { CLOSED, Connections, WANTS_OUTPUT } from './connections.ts';
import { type CoreOrder, type CoreResult, PHASE, STOPPING } from './core-order.ts';

const maxEvents = 512;
/** No listener gets more turns than this before the connections that are open get theirs. */
const acceptBatch = 16;
/** The word that says stop is looked at this often at least. */
const longestWaitMs = 50;
const housekeepingMs = 200;
const pauseMs = 20;

export function serveEvents(order: CoreOrder, application: Application, serving: () => void): CoreResult {
  const loop = new EventLoop(order, application);
  serving();
  return loop.run();
}

class EventLoop {
  readonly #order: CoreOrder;
  readonly #shared: Int32Array;
  readonly #application: Application;
  readonly #epoll = new Epoll(maxEvents);
  readonly #accepting: Accepting;
  readonly #connections: Connections;
  /** EPOLLIN, EPOLLOUT, or 0 while epoll does not know the descriptor. */
  readonly #watched: Uint8Array;
  #nowMs = performance.now();
  /** 0: listening. */
  #pausedUntilMs = 0;
  #pauses = 0;

  constructor(order: CoreOrder, application: Application) {
    this.#order = order;
    this.#shared = new Int32Array(order.shared);
    this.#application = application;
    this.#accepting = new Accepting(order, SOCK_NONBLOCK | SOCK_CLOEXEC);
    this.#connections = new Connections({
      application,
      maxDescriptors: order.maxDescriptors,
      idleMs: order.idleMs,
    });
    this.#watched = new Uint8Array(order.maxDescriptors);
    this.#listen();
  }

  run(): CoreResult {
    let housekeepingAtMs = this.#nowMs + housekeepingMs;
    while (Atomics.load(this.#shared, PHASE) !== STOPPING) {
      const count = this.#epoll.wait(this.#pausedUntilMs > 0 ? pauseMs : longestWaitMs);
      this.#nowMs = performance.now();
      for (let index = 0; index < count; index++) this.#happened(this.#epoll.data(index));
      if (this.#pausedUntilMs > 0 && this.#nowMs >= this.#pausedUntilMs) this.#listen();
      if (this.#nowMs >= housekeepingAtMs) {
        housekeepingAtMs = this.#nowMs + housekeepingMs;
        this.#connections.endIdle(this.#nowMs);
        this.#application.tick(Date.now());
      }
    }
    this.#connections.endAll();
    this.#epoll.close();
    return {
      index: this.#order.index,
      ...this.#accepting.result(),
      descriptorPauses: this.#pauses,
      troubles: this.#connections.troubles,
    };
  }

  /** @param data a descriptor; negative: -1 minus the place of a listener. */
  #happened(data: number): void {
    if (data < 0) this.#acceptFrom(this.#order.listeners[-1 - data]);
    else this.#settle(data, this.#connections.advance(data, this.#nowMs));
  }

  #acceptFrom(listener: number): void {
    for (let turn = 0; turn < acceptBatch && this.#pausedUntilMs === 0; turn++) {
      const fd = this.#accepting.accept(listener);
      if (fd === NONE) return;
      if (fd === NEXT) continue;
      if (fd === EXHAUSTED) {
        this.#pause();
        return;
      }
      this.#watched[fd] = 0;
      this.#connections.opened(fd, this.#nowMs);
      this.#settle(fd, this.#connections.advance(fd, this.#nowMs));
    }
  }

  /** Watches for what the connection waits for. */
  #settle(fd: number, outcome: number): void {
    // The kernel forgets a descriptor that is closed.
    if (outcome === CLOSED) return;
    const wanted = outcome === WANTS_OUTPUT ? EPOLLOUT : EPOLLIN;
    if (this.#watched[fd] === wanted) return;
    try {
      if (this.#watched[fd] === 0) this.#epoll.add(fd, wanted, fd);
      else this.#epoll.modify(fd, wanted, fd);
      this.#watched[fd] = wanted;
    } catch (error) {
      // ENOSPC, ENOMEM: the user may watch no more. This connection ends, the others go on.
      if (!(error instanceof SystemCallError)) throw error;
      this.#connections.end(fd);
    }
  }

  #listen(): void {
    const exclusive = this.#order.wakeUp === 'exclusive' ? EPOLLEXCLUSIVE : 0;
    this.#pausedUntilMs = 0;
    this.#order.listeners.forEach((listener, place) => {
      this.#epoll.add(listener, EPOLLIN | exclusive, -1 - place);
    });
  }

  #pause(): void {
    this.#pausedUntilMs = this.#nowMs + pauseMs;
    this.#pauses++;
    for (const listener of this.#order.listeners) this.#epoll.remove(listener);
  }
}
