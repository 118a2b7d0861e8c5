/**
 * Entry of a core thread: pins itself, builds the application, and serves until told to stop. It says two things in its
 * life: that it serves, and its result.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { pinThread } from '../linux/thread.ts';
import { createApplication } from './applications/index.ts';
import { serveBlocking } from './blocking-loop.ts';
import type { CoreMessage, CoreOrder, CoreResult } from './core-order.ts';
import { serveEvents } from './event-loop.ts';

const order = workerData as CoreOrder;
const say = (message: CoreMessage<CoreResult>): void => parentPort?.postMessage(message);

pinThread(order.core);
const application = createApplication(order.application, order);
const serve = order.wakeUp === 'blocking' ? serveBlocking : serveEvents;
say({ kind: 'result', result: serve(order, application, () => say({ kind: 'serving' })) });
