/**
 * The `k6` engine: the share becomes a script, and k6, a program that is not ours, makes the load on all cores of the
 * agent. Start here.
 *
 *   order ─► script ─► k6, paused, behind its guard ─► "prepared" ─► resume ─► a line a connection ─► the usual counts
 *
 * It speaks http only, and neither resets connections nor starts them at random times: what it cannot is refused, by the
 * plan already where there is one.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { k6Environment } from '../../../control/k6-program.ts';
import { badInput } from '../../../protocol/failure.ts';
import { shortestK6Seconds } from '../../../protocol/k6.ts';
import type { LoadOrder } from '../../load.ts';
import type { Lease, LoadControl } from '../../load-control.ts';
import type { PreparedFlood } from '../prepared-flood.ts';
import { K6Child } from './k6-child.ts';
import { freePort, k6Argv, openK6 } from './k6-command.ts';
import { K6Flood } from './k6-flood.ts';
import { K6RestApi } from './rest-api.ts';
import { scriptOf } from './script.ts';
import { namedSources } from './source-addresses.ts';

/** Within what the coordinator gives an agent to prepare. */
const readyMs = 9_000;
const askEveryMs = 20;

/** @throws {Failure} when this order is not for k6, or it is not there; an Error when it does not come up. */
export async function prepareK6Flood(
  order: LoadOrder,
  control: LoadControl,
  lease: Lease,
): Promise<PreparedFlood> {
  refuse(order);
  const { path, version } = await openK6();
  const port = await freePort();
  let onLine = (line: string): void => child.keepWords(line);
  const child = new K6Child({
    argv: [...k6Argv({ path, port, sourceAddresses: await namedSources(order) })],
    environment: { ...k6Environment, PATH: process.env.PATH ?? '' },
    script: scriptOf(order),
    leaseEndsAtNs: lease.endsAtNs(),
    onLine: (line) => onLine(line),
  });
  const api = new K6RestApi(port);
  try {
    await untilReady(child, api, lease);
  } catch (error) {
    child.kill();
    api.close();
    throw error;
  }
  const flood = new K6Flood({ order, control, lease, child, api, version });
  onLine = (line) => flood.take(line);
  return { backend: version.split(' (')[0] as string, run: () => flood.run() };
}

function refuse({ application, close, warmUpSeconds, measuredSeconds }: LoadOrder): void {
  if (application !== 'http')
    throw badInput(`Cannot make load by engine "k6" of the application "${application}"; wanted http`);
  if (close === 'client-rst')
    throw badInput(
      'Cannot make load by engine "k6" with close "client-rst": k6 cannot reset a connection; wanted client-fin or server-fin',
    );
  if (warmUpSeconds + measuredSeconds < shortestK6Seconds)
    throw badInput(
      `Cannot make load by engine "k6" for ${warmUpSeconds + measuredSeconds} s: k6 takes no less than ${shortestK6Seconds} s`,
    );
}

async function untilReady(child: K6Child, api: K6RestApi, lease: Lease): Promise<void> {
  const deadlineMs = performance.now() + readyMs;
  let end: string | null = null;
  void child.ended.then(({ how }) => {
    end = how;
  });
  for (let why = await api.whyNotReady(); why !== null; why = await api.whyNotReady()) {
    if (end !== null) throw new Error(`Cannot start k6: it ${end}`);
    if (performance.now() > deadlineMs)
      throw new Error(
        `Cannot start k6: it was not ready after ${readyMs} ms (${why}); wanted it sooner: fewer connections at a time, or more agents`,
      );
    child.extend(lease.endsAtNs());
    await sleep(askEveryMs);
  }
}
