/**
 * A process that floods on its main thread, as a load thread does on its own: so that V8's messages about its collections
 * of garbage are the flood's alone. Takes an order as JSON; prints one line of JSON when it is over.
 */

import { setFlagsFromString } from 'node:v8';
import { prepareFlood } from '../../agent/engines/engines.ts';
import type { LoadOrder } from '../../agent/load.ts';
import { Lease, LoadControl } from '../../agent/load-control.ts';
import { enterNetworkNamespace, pinThread, setTimerSlack } from '../../linux/thread.ts';
import { compilerFlags } from '../../net/engine-flags.ts';
import { failuresOf, leaseOf } from '../runner/flood-once.ts';

export interface FloodProcessResult {
  readonly backend: string;
  readonly perSecond: number;
  readonly failures: string;
  /** Of this process' own time, when the measured interval began. */
  readonly measuredFromMs: number;
}

const order = JSON.parse(process.argv[2] ?? '') as LoadOrder;
for (const flag of compilerFlags) setFlagsFromString(flag);
pinThread(...order.cores);
setTimerSlack(1);
if (order.namespace !== null) enterNetworkNamespace(order.namespace);
const control = new LoadControl();
const lease = new Lease(leaseOf(order.warmUpSeconds + order.measuredSeconds + 30));
const flood = await prepareFlood(order, control, lease);
const measuredFromMs = performance.now() + order.warmUpSeconds * 1000;
control.start(process.hrtime.bigint());
const result = await flood.run();
const measured: FloodProcessResult = {
  backend: flood.backend,
  perSecond: result.counts.completed / result.measuredSeconds,
  failures: failuresOf(result),
  measuredFromMs,
};
process.stdout.write(`\n${JSON.stringify(measured)}\n`);
