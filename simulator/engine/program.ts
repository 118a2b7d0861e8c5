/**
 * A design made ready to run on a machine: its steps as one flat array of operations with their cycles.
 *
 * Shares of work are scaled so that a connection and a transaction together cost on one core what the machine says; what lines
 * cost there is taken off first (`oneCore`). It runs nothing.
 */

import {
  type CpuClass,
  cpuClasses,
  type Design,
  type Operation,
  type StepName,
  stepNames,
} from '../designs/design.ts';
import type { Costs, Machine, StackKind } from '../machine/machine.ts';
import { type ObjectName, objectNames, objects } from '../objects/objects.ts';
import type { Workload } from '../workload.ts';

/** `varied`: work whose cycles are the mean of an exponential distribution. */
export const codes = {
  work: 0,
  touch: 1,
  allocate: 2,
  lock: 3,
  unlock: 4,
  transmit: 5,
  end: 6,
  varied: 7,
} as const;

/** Lines of the device and its allocators that every packet touches, on whichever core. */
const linesAPacket = 7.7;
/** A web server says goodbye and hears it said, where an rpc client resets: a packet more in each of these steps. */
const goodbyes: readonly StepName[] = ['close', 'finish'];
/** Beyond a first segment and its first 64 bytes: cycles each. */
const cyclesASegment = 900;
const cyclesAByte = 0.4;
const segmentBytes = 1448;
const includedBytes = 64;

export interface Program {
  readonly starts: Int32Array;
  readonly code: Uint8Array;
  readonly cycles: Float64Array;
  readonly object: Int32Array;
  readonly scope: Uint8Array;
  readonly lines: Float64Array;
  readonly write: Uint8Array;
  readonly lock: Int32Array;
  readonly polled: Float64Array;
  /** Under a lock: one of the design's, or the connection's own. */
  readonly held: Uint8Array;
  readonly by: Uint8Array;
  readonly step: Uint8Array;
  readonly lockNames: readonly string[];
  /** Whether each lock is one a queue. */
  readonly lockPerQueue: readonly boolean[];
}

export const scopes = ['machine', 'core', 'queue', 'connection', 'flow core', 'socket'] as const;

/** After the steps of designs: the interrupted core hands a packet on (RPS). */
export const handOn = stepNames.length;
const packetSteps: readonly StepName[] = ['syn', 'ack', 'receive', 'finish'];
/** A driver's receive and an enqueue, beyond what the packet costs where it is processed; not calibrated. */
const handOnCycles = 800;
/** Of the other core's backlog: lock, list, count. Of the packet: what is hashed, and its links. */
const backlogLines = 3;
const packetLines = 2;

/** Cycles that lines cost on one core: part of the calibrated cost there, so taken off the work. */
export interface OneCoreMemory {
  readonly connection: number;
  readonly transaction: number;
}

/** Stacks a machine does not name, by their ratio to its kernel on the machines that the papers measured. */
const usualRatio: Readonly<Record<StackKind, Costs>> = {
  kernel: { connection: 1, transaction: 1 },
  reuseport: { connection: 1, transaction: 1.05 },
  megapipe: { connection: 0.715, transaction: 0.76 },
  fastsocket: { connection: 0.9, transaction: 1 },
  userLevel: { connection: 0.234, transaction: 0.368 },
};

export function costsOf(machine: Machine, stack: StackKind): Costs {
  const { kernel } = machine.singleCore;
  const ratio = usualRatio[stack];
  return (
    machine.singleCore[stack] ?? {
      connection: kernel.connection * ratio.connection,
      transaction: kernel.transaction * ratio.transaction,
    }
  );
}

interface Row {
  code: number;
  cycles: number;
  object: number;
  scope: number;
  lines: number;
  write: number;
  lock: number;
  polled: number;
  held: number;
  by: number;
  step: number;
}

export interface ProgramOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly workload: Workload;
  readonly workers: number;
  readonly oneCore: OneCoreMemory;
}

export function programOf(options: ProgramOptions): Program {
  const { design } = options;
  const lockNames = Object.keys(design.locks);
  const workCycles = workCyclesOf(options);
  const rows: Row[] = [];
  const starts: number[] = [];
  for (const [step, name] of stepNames.entries()) {
    starts.push(rows.length);
    const context: Context = { ...options, rows, lockNames, step, held: 0, workCycles };
    if (options.machine.nic.rps === true && packetSteps.includes(name))
      rows.push(...handedOver('core', step));
    for (const operation of design.steps[name]) append(operation, context);
    if (name === 'receive' || name === 'serve') appendPayload(context);
    rows.push(row({ code: codes.end, step }));
  }
  if (options.machine.nic.rps === true) {
    starts.push(rows.length);
    rows.push(row({ code: codes.work, cycles: handOnCycles, step: handOn, by: classOf('packet') }));
    rows.push(...handedOver('flow core', handOn), row({ code: codes.end, step: handOn }));
  }
  const column = (of: keyof Row) => rows.map((each) => each[of]);
  return {
    starts: Int32Array.from(starts),
    code: Uint8Array.from(column('code')),
    cycles: Float64Array.from(column('cycles')),
    object: Int32Array.from(column('object')),
    scope: Uint8Array.from(column('scope')),
    lines: Float64Array.from(column('lines')),
    write: Uint8Array.from(column('write')),
    lock: Int32Array.from(column('lock')),
    polled: Float64Array.from(column('polled')),
    held: Uint8Array.from(column('held')),
    by: Uint8Array.from(column('by')),
    step: Uint8Array.from(column('step')),
    lockNames,
    lockPerQueue: lockNames.map((name) => design.locks[name] === 'per queue'),
  };
}

type WorkOf = Extract<Operation, { kind: 'work' }>['of'];

interface Context extends ProgramOptions {
  readonly rows: Row[];
  readonly lockNames: readonly string[];
  readonly step: number;
  readonly held: number;
  readonly workCycles: Readonly<Record<WorkOf, number>>;
}

/** Cycles of one whole share, so that all shares of a kind together make the calibrated cost. */
function workCyclesOf({ machine, design, workload, oneCore }: ProgramOptions): Record<WorkOf, number> {
  const connection = costsOf(machine, design.costs.connection).connection - oneCore.connection;
  const { rpc, http } = machine.application;
  // A proxy opens another connection for each that it accepts.
  const sides = design.backend === undefined ? 1 : 2;
  const transaction = costsOf(machine, design.costs.transaction).transaction - rpc - oneCore.transaction;
  return {
    connection: (sides * Math.max(0, connection)) / sharesOf(design, 'connection'),
    transaction: Math.max(0, transaction) / sharesOf(design, 'transaction'),
    application: workload.name === 'http' ? http : rpc,
  };
}

function sharesOf(design: Design, of: WorkOf): number {
  const sum = (operations: readonly Operation[]): number =>
    operations.reduce((total, operation) => {
      if (operation.kind === 'locked') return total + sum(operation.body);
      return operation.kind === 'work' && operation.of === of ? total + operation.share : total;
    }, 0);
  const total = stepNames.reduce((all, step) => all + sum(design.steps[step]), 0);
  return total === 0 ? 1 : total;
}

function append(operation: Operation, context: Context): void {
  const { rows, step, held, machine, design, workers } = context;
  switch (operation.kind) {
    case 'work': {
      const cycles = operation.share * context.workCycles[operation.of];
      const under = held === 1 || operation.held === true ? 1 : 0;
      const varied = operation.of === 'application' && context.workload.service === 'exponential';
      const code = varied ? codes.varied : codes.work;
      rows.push(row({ code, cycles, step, held: under, by: classOf(operation.by) }));
      return;
    }
    case 'scan':
      rows.push(
        row({ code: codes.work, cycles: operation.cyclesEach * workers, step, held, by: classOf('tcp') }),
      );
      return;
    case 'touch': {
      const lines =
        typeof operation.lines === 'number' ? operation.lines : machine.movedLines[operation.lines];
      const under = held === 1 || operation.held === true ? 1 : 0;
      rows.push(touch(operation.object, lines, operation.write, step, under));
      return;
    }
    case 'packets':
      rows.push(
        touch(
          operation.pools === 'socket' ? 'device and pools' : 'device and allocator',
          packetsOf(operation.count, context) * linesAPacket,
          true,
          step,
          held,
        ),
      );
      return;
    case 'allocate':
      rows.push(row({ ...touch(operation.object, 0, true, step, held), code: codes.allocate }));
      return;
    case 'transmit':
      rows.push(
        row({
          ...touch('transmit queue', 2, true, step, held),
          code: codes.transmit,
          polled: operation.by === 'hash' ? 0 : operation.by === 'cpu' ? 1 : 2,
        }),
      );
      return;
    case 'locked': {
      const lock = context.lockNames.indexOf(operation.lock);
      if (lock < 0)
        throw new Error(`Design ${design.name} holds lock "${operation.lock}" that it does not declare`);
      const polled = operation.polled[design.workers ?? machine.workers];
      rows.push(row({ code: codes.lock, lock, polled, step, held: 1, by: classOf('kernel') }));
      for (const inner of operation.body) append(inner, { ...context, held: 1 });
      rows.push(row({ code: codes.unlock, lock, step }));
      return;
    }
  }
}

/** Lines that both cores write when one hands a packet on to the other. */
function handedOver(scope: (typeof scopes)[number], step: number): Row[] {
  const backlog = touch('rps backlog', backlogLines, true, step, 0);
  return [{ ...backlog, scope: scopes.indexOf(scope) }, touch('sk_buff', packetLines, true, step, 0)];
}

function packetsOf(count: number, { step, workload }: Context): number {
  return workload.name === 'http' && goodbyes.includes(stepNames[step]) ? count + 1 : count;
}

/** What a message longer than a small one adds: segments, and bytes that are copied. */
function appendPayload(context: Context): void {
  const { rows, step, workload } = context;
  const request = stepNames[step] === 'receive';
  const bytes = request && workload.name === 'http' ? includedBytes : workload.bytes;
  const segments = Math.max(1, Math.ceil(bytes / segmentBytes));
  if (segments > 1)
    rows.push(
      row({ code: codes.work, cycles: (segments - 1) * cyclesASegment, step, by: classOf('packet') }),
    );
  const copied = Math.max(0, bytes - includedBytes) * cyclesAByte;
  if (copied > 0) rows.push(row({ code: codes.work, cycles: copied, step, by: classOf('kernel') }));
}

const classOf = (by: CpuClass): number => cpuClasses.indexOf(by);

function touch(name: ObjectName, lines: number, write: boolean, step: number, held: number): Row {
  return row({
    code: codes.touch,
    object: objectNames.indexOf(name),
    scope: scopes.indexOf(objects[name].scope),
    lines,
    write: write ? 1 : 0,
    step,
    held,
  });
}

const row = (fields: Partial<Row>): Row => ({
  code: 0,
  cycles: 0,
  object: 0,
  scope: 0,
  lines: 0,
  write: 0,
  lock: 0,
  polled: 0,
  held: 0,
  by: 0,
  step: 0,
  ...fields,
});
