/**
 * One attempt at one trial: the conversation drawn in protocol/messages.ts, from the server's order to its result.
 *
 * It decides nothing: what goes wrong comes out as AttemptVoid, and the schedule decides what is done about it.
 */

import { withDeadline } from '../control/connection.ts';
import type { AttemptId, LoadResult, ServerResult, ShareOrder } from '../protocol/messages.ts';
import type { Scenario } from '../protocol/scenario.ts';
import { designs, parseVariant } from '../protocol/variant-catalogue.ts';
import { AttemptVoid, type Barrier } from './barrier.ts';
import type { Collector } from './collect.ts';
import type { Lab, TrialPlace } from './labs/lab.ts';
import type { EventLog } from './logs.ts';
import type { Crew } from './members.ts';
import type { Orders } from './orders.ts';
import type { Plan, PlannedTrial } from './plan/plan.ts';

/** For a message to come and go, over what the other side needs for its work. */
const slackMs = 5_000;
const prepareMs = 10_000;
/** Between "start" and the start: long enough for the message to reach everybody. */
const leadMs = { local: 150, cluster: 500 } as const;
/** The collector is asked often again this long before results are due. */
const resultLeadMs = 300;

export interface Stage {
  readonly scenario: Scenario;
  readonly plan: Plan;
  /** Null in a cluster. */
  readonly lab: Lab | null;
  readonly crew: Crew;
  readonly orders: Orders;
  readonly collector: Collector;
  readonly events: EventLog;
  /** Microseconds since 1970 on the control clock. */
  readonly controlTime: () => Promise<number>;
}

export interface Measured {
  readonly startedAt: string;
  readonly loads: readonly LoadResult[];
  readonly server: ServerResult;
}

/** @throws {AttemptVoid} */
export async function conductTrial(
  stage: Stage,
  trial: PlannedTrial,
  id: AttemptId,
  barrier: Barrier,
): Promise<Measured> {
  const { scenario, crew, orders, collector, lab } = stage;
  const agentNames = crew.agents.map(({ name }) => name);
  const serverCores = coresFor(trial, crew);
  const addresses = [...(lab?.serverAddresses ?? crew.server.addresses)];
  if (addresses.length === 0) {
    throw new AttemptVoid(
      `${crew.server.name} has no address to be reached under; start it with --addresses`,
      'server',
    );
  }
  if (lab !== null) await barrier.orVoid(lab.placeTrial(placeOf(trial, serverCores, stage.plan.loadCores)));
  collector.hurry(true);

  const serverOrder = orders.toServer(crew.server.name, {
    ...id,
    ...phasesOf(scenario),
    cell: trial.cell,
    application: scenario.application,
    cores: [...serverCores],
    addresses,
    port: scenario.port,
    readySeconds: scenario.timeouts.serverReadySeconds,
  });
  await barrier.orVoid(serverOrder);
  const readyMs = scenario.timeouts.serverReadySeconds * 1000 + slackMs;
  const [ready] = await barrier.until('ready', [crew.server.name], readyMs);

  const shareOrders = Promise.all(
    crew.agents.map((agent, index) =>
      orders.toAgent(agent.name, {
        ...id,
        ...phasesOf(scenario),
        index,
        count: crew.agents.length,
        cell: trial.cell,
        application: scenario.application,
        target: { addresses, port: ready?.port ?? 0 },
        sourceAddresses: agent.sourceAddresses.slice(0, scenario.agents.sourceAddresses),
        seed: trial.seed,
        ...thresholdsFor(trial, scenario),
        connectSeconds: scenario.timeouts.connectSeconds,
        responseSeconds: scenario.timeouts.responseSeconds,
      }),
    ),
  );
  await barrier.orVoid(shareOrders);
  await barrier.until('prepared', agentNames, prepareMs);

  const startAt =
    (await barrier.orVoid(controlTime(stage))) + leadMs[lab === null ? 'cluster' : 'local'] * 1000;
  await barrier.orVoid(orders.say({ kind: 'start', ...id, startAt }));
  stage.events.write({ event: 'start', epoch: id.epoch, startAt });
  const loads = await results(stage, barrier, agentNames);

  await barrier.orVoid(orders.say({ kind: 'finish', ...id }));
  const [server] = await barrier.until('result', [crew.server.name], serverFinishMs);
  if (server?.server === undefined) throw new AttemptVoid(`${crew.server.name} sent an empty result`);
  return { startedAt: new Date(startAt / 1000).toISOString(), loads, server: server.server };
}

/** For the engine that judges its own share too: those of this variant. The others need not be told. */
function thresholdsFor({ cell }: PlannedTrial, { thresholds }: Scenario): Pick<ShareOrder, 'thresholds'> {
  if (cell.engine !== 'k6') return {};
  return { thresholds: thresholds.filter(({ variant = cell.variant }) => variant === cell.variant) };
}

/** Who takes frames below TCP needs the other side's kernel to finish its checksums. */
function placeOf(
  { cell }: PlannedTrial,
  serverCores: readonly number[],
  loadCores: readonly number[],
): TrialPlace {
  const design = parseVariant(cell.variant)?.design;
  const agents = design !== undefined && designs[design].takesFrames;
  return { serverCores, loadCores, wholeChecksums: { server: cell.engine === 'packet', agents } };
}

/** SIGTERM, SIGKILL, and the last counters. */
const serverFinishMs = 10_000 + slackMs;

async function results(
  { scenario, collector, lab }: Stage,
  barrier: Barrier,
  agents: readonly string[],
): Promise<readonly LoadResult[]> {
  const loadMs =
    leadMs[lab === null ? 'cluster' : 'local'] + (scenario.warmUpSeconds + scenario.measuredSeconds) * 1000;
  const drainMs = (scenario.timeouts.connectSeconds + scenario.timeouts.responseSeconds) * 1000;
  collector.hurry(false);
  const hurry = setTimeout(() => collector.hurry(true), Math.max(0, loadMs - resultLeadMs));
  try {
    const said = await barrier.until('result', agents, loadMs + drainMs + slackMs);
    return said.map(({ sender, load }) => {
      if (load === undefined) throw new AttemptVoid(`${sender} sent an empty result`);
      refuseImplausible(sender, load, scenario);
      return load;
    });
  } finally {
    clearTimeout(hurry);
  }
}

/** A result may be off, but not by as much as this: then it is of something else, or garbled. */
function refuseImplausible(sender: string, load: LoadResult, scenario: Scenario): void {
  const off = load.measuredSeconds / scenario.measuredSeconds;
  if (off > 0.5 && off < 2) return;
  throw new AttemptVoid(
    `${sender} measured for ${load.measuredSeconds} s; wanted ${scenario.measuredSeconds} s`,
  );
}

function phasesOf({ warmUpSeconds, measuredSeconds }: Scenario) {
  return { warmUpSeconds, measuredSeconds };
}

/** Placed by the plan on this machine; in a cluster the last of the server's cores. */
function coresFor(trial: PlannedTrial, { server }: Crew): readonly number[] {
  if (trial.serverCores.length > 0) return trial.serverCores;
  if (server.cores.length < trial.cell.cores) {
    throw new AttemptVoid(
      `${server.name} has ${server.cores.length} cores; wanted ${trial.cell.cores} for this cell`,
      'server',
    );
  }
  return server.cores.slice(-trial.cell.cores);
}

async function controlTime(stage: Stage): Promise<number> {
  return withDeadline(stage.controlTime(), 5_000, 'Cannot read the control clock').catch((error: Error) => {
    throw new AttemptVoid(error.message);
  });
}

/** The longest an attempt can take, of its waits alone. */
export function longestAttemptMs({ timeouts, warmUpSeconds, measuredSeconds }: Scenario): number {
  const { serverReadySeconds, connectSeconds, responseSeconds } = timeouts;
  const workMs =
    (serverReadySeconds + warmUpSeconds + measuredSeconds + connectSeconds + responseSeconds) * 1000;
  return workMs + prepareMs + serverFinishMs + 2 * slackMs + leadMs.cluster;
}
