/**
 * Start here: a server, as a member of the cluster. For each order it has a fresh process of the variant serve, marks the
 * measured interval, and says every second how many connections were accepted.
 *
 *   order ─► launch ─► "ready"(port) ─► start(startAt) ─► begin … end measuring ─► finish ─► "result"
 *
 * It ends the process whenever the attempt ends: told so, or left alone by its coordinator. It serves only on the addresses
 * and cores it was started with, and never starts the same process again.
 */

import { type Attempt, AttemptEnded, type Stage } from '../control/attempt.ts';
import { AttemptFailed, type MemberLog, type MemberWatcher, runMember } from '../control/member.ts';
import { after, everySecond, untilMonotonic } from '../control/timeline.ts';
import { ExitStatus, Failure, messageOf } from '../protocol/failure.ts';
import { type ServerOrder, type ServerResult, serverOrderSchema } from '../protocol/messages.ts';
import { launchServer, type RunningServer } from './launch.ts';

export interface ServerWatcher extends MemberWatcher {
  /** Of the server process of an attempt, by core, whenever it is asked for; null: that process is gone. */
  accepts(counts: (() => ReadonlyMap<number, number>) | null): void;
}

export interface ServerSettings {
  readonly redisUrl: string;
  readonly name: string;
  readonly cores: readonly number[];
  /** Where servers may listen, and agents reach them. */
  readonly addresses: readonly string[];
  /** Path of the network namespace that servers run in; null: stay. */
  readonly namespace: string | null;
  readonly log: MemberLog;
  /** Ends the process under test and the member, within 5 s. */
  readonly signal: AbortSignal;
  readonly watcher?: ServerWatcher | undefined;
}

/** Settles when the signal was aborted. @throws {Failure} when it cannot join the others. */
export async function runServer(settings: ServerSettings): Promise<void> {
  const { redisUrl, name, cores, addresses, log, signal, watcher } = settings;
  await runMember({
    redisUrl,
    member: {
      role: 'server',
      name,
      cores: [...cores],
      allow: [],
      sourceAddresses: [],
      addresses: [...addresses],
    },
    orderSchema: serverOrderSchema,
    carryOut: (attempt) => carryOut(attempt, settings),
    signal,
    log,
    watcher,
  });
}

async function carryOut(attempt: Attempt<ServerOrder>, settings: ServerSettings): Promise<void> {
  const { order, reporter } = attempt;
  const { watcher } = settings;
  refuse(order, settings);
  attempt.signal.throwIfAborted();
  const server = await launch(order, settings);
  let stage: Stage = 'prepare';
  const enter = (now: Stage) => {
    stage = now;
    watcher?.at(now);
  };
  watcher?.accepts(() => acceptsByCore(order, server));
  const early = endOf(attempt, server);
  try {
    reporter.say({ kind: 'ready', port: server.port, notes: server.notes });
    const startAtNs = await Promise.race([attempt.startAtNs, early]);
    enter('warm-up');
    const over = new AbortController();
    const whileServing = AbortSignal.any([attempt.signal, over.signal]);
    const reports = reportEverySecond(attempt, server, startAtNs, whileServing);
    const marks = markInterval(order, server, startAtNs, whileServing, enter);
    marks.catch(() => undefined);
    try {
      await Promise.race([attempt.finish, early]);
    } finally {
      over.abort(new AttemptEnded('the coordinator ended the trial before its measured interval was over'));
    }
    await Promise.all([marks, reports]);
    enter('finish');
    const result: ServerResult = await Promise.race([server.finish(), early]);
    reporter.say({ kind: 'result', server: result });
  } catch (error) {
    await server.kill();
    throw error instanceof AttemptFailed
      ? error
      : new AttemptFailed(messageOf(error), { stage, final: false });
  } finally {
    watcher?.accepts(null);
  }
}

function refuse(order: ServerOrder, settings: ServerSettings): void {
  const cores = order.cores.filter((core) => !settings.cores.includes(core));
  const addresses = order.addresses.filter((address) => !settings.addresses.includes(address));
  const reason =
    cores.length > 0
      ? `Cannot serve on core ${cores.join(', ')}: this server was started with the cores ${settings.cores.join(', ')}; wanted some of them`
      : addresses.length > 0
        ? `Cannot serve on ${addresses.slice(0, 5).join(', ')}: this server was started with the addresses ${settings.addresses.slice(0, 5).join(', ')}; wanted some of them`
        : null;
  if (reason !== null) throw new AttemptFailed(reason, { stage: 'prepare', final: true });
}

async function launch(order: ServerOrder, settings: ServerSettings): Promise<RunningServer> {
  const { cell } = order;
  try {
    return await launchServer({
      variant: cell.variant,
      application: order.application,
      messages: cell.messages,
      requestBytes: cell.requestBytes,
      responseBytes: cell.responseBytes,
      close: cell.close,
      cores: order.cores,
      namespace: settings.namespace,
      addresses: order.addresses,
      port: order.port,
      readyMs: order.readySeconds * 1000,
    });
  } catch (error) {
    throw new AttemptFailed(messageOf(error), {
      stage: 'prepare',
      final: error instanceof Failure && error.exitStatus === ExitStatus.badInput,
    });
  }
}

/** Rejects when the process dies, or the attempt is over: whatever is being waited for. */
function endOf({ signal }: Attempt<ServerOrder>, server: RunningServer): Promise<never> {
  const early = new Promise<never>((_, reject) => {
    void server.died.then((how) =>
      reject(new Error(`The server process (pid ${server.pid}) ended by itself: ${how}`)),
    );
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  early.catch(() => undefined);
  return early;
}

/** @throws when the trial ended before its measured interval did: half an interval is no result. */
async function markInterval(
  order: ServerOrder,
  server: RunningServer,
  startAtNs: bigint,
  signal: AbortSignal,
  onStage: (stage: Stage) => void,
): Promise<void> {
  await untilMonotonic(after(startAtNs, order.warmUpSeconds), signal);
  onStage('measure');
  server.beginMeasuring();
  await untilMonotonic(after(startAtNs, order.warmUpSeconds + order.measuredSeconds), signal);
  server.endMeasuring();
  onStage('finish');
}

async function reportEverySecond(
  { order, reporter }: Attempt<ServerOrder>,
  server: RunningServer,
  startAtNs: bigint,
  signal: AbortSignal,
): Promise<void> {
  let before = total(server);
  await everySecond({
    startAtNs,
    seconds: order.warmUpSeconds + order.measuredSeconds,
    signal,
    onSecond: (second) => {
      const now = total(server);
      const accepted = now === null || before === null ? {} : { accepted: Math.max(0, now - before) };
      reporter.say({ kind: 'report', second, ...accepted });
      before = now;
    },
    onMissed: (seconds) => {
      reporter.skip(seconds);
      before = total(server);
    },
  });
}

function total(server: RunningServer): number | null {
  return server.accepted()?.reduce((sum, count) => sum + count, 0) ?? null;
}

/** Empty where the server does not tell. */
function acceptsByCore({ cores }: ServerOrder, server: RunningServer): ReadonlyMap<number, number> {
  return new Map(server.accepted()?.map((count, index) => [cores[index] as number, count]));
}
