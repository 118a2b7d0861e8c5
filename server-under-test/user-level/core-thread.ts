/**
 * Entry of a core thread of a user-level server: pins itself, opens its own queues of the devices, and serves until told
 * to stop. It says two things in its life: that it serves, and its result.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { openPreparedLink } from '../../linux/open-link.ts';
import { pinThread } from '../../linux/thread.ts';
import { createApplication } from '../applications/index.ts';
import type { CoreMessage } from '../core-order.ts';
import { CoreLoop } from './core-loop.ts';
import type { UserLevelCoreResult, UserLevelOrder } from './order.ts';

const order = workerData as UserLevelOrder;
const say = (message: CoreMessage<UserLevelCoreResult>): void => parentPort?.postMessage(message);

pinThread(order.core);
const link = openPreparedLink(order.ground, order.index);
const loop = new CoreLoop(order, link, createApplication(order.application, order));
say({ kind: 'serving' });
const result = loop.run();
link.close();
say({ kind: 'result', result });
