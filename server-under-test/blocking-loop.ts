/**
 * The loop of a thread that blocks: accept, serve that connection to its end, accept the next. The oldest design there
 * is, and the kernel wakes exactly one waiting thread a connection.
 *
 * What it cannot do: hold more connections than it has threads. A client that keeps a connection open and says nothing
 * holds a core, at most `blockingIdleMs`; under a closed loop with more connections than threads, the rest waits in the
 * accept queue. One listener only: a thread blocks on one descriptor.
 */

import { SOCK_CLOEXEC } from '../linux/sockets.ts';
import { Accepting, EXHAUSTED } from './accepting.ts';
import type { Application } from './applications/application.ts';
import { CLOSED, Connections } from './connections.ts';
import { type CoreOrder, type CoreResult, PHASE, STOPPING } from './core-order.ts';

/** A silent client holds a core no longer than this. */
export const blockingIdleMs = 1_000;
/** The listener's timeout, which accepted connections inherit: how often a blocked thread looks whether to stop. */
export const blockingTurnMs = 50;
const pauseMs = 20;

export function serveBlocking(order: CoreOrder, application: Application, serving: () => void): CoreResult {
  const shared = new Int32Array(order.shared);
  const accepting = new Accepting(order, SOCK_CLOEXEC);
  const connections = new Connections({
    application,
    maxDescriptors: order.maxDescriptors,
    idleMs: Math.min(order.idleMs, blockingIdleMs),
  });
  const stopping = (): boolean => Atomics.load(shared, PHASE) === STOPPING;
  const listener = order.listeners[0];
  let pauses = 0;
  let tickAtMs = 0;
  serving();
  while (!stopping()) {
    const nowMs = performance.now();
    if (nowMs >= tickAtMs) {
      application.tick(Date.now());
      tickAtMs = nowMs + 200;
    }
    const fd = accepting.accept(listener);
    if (fd >= 0) serveToItsEnd(fd, connections, stopping);
    else if (fd === EXHAUSTED) {
      pauses++;
      sleep(pauseMs);
    }
  }
  connections.endAll();
  return {
    index: order.index,
    ...accepting.result(),
    descriptorPauses: pauses,
    troubles: connections.troubles,
  };
}

function serveToItsEnd(fd: number, connections: Connections, stopping: () => boolean): void {
  let nowMs = performance.now();
  connections.opened(fd, nowMs);
  // A turn ends when something came or went, or after blockingTurnMs.
  while (connections.advance(fd, nowMs) !== CLOSED) {
    nowMs = performance.now();
    if (connections.endIfIdle(fd, nowMs)) return;
    if (stopping()) {
      connections.end(fd);
      return;
    }
  }
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

function sleep(durationMs: number): void {
  Atomics.wait(nobody, 0, 0, durationMs);
}
