/**
 * From what a run measured of its designs on the cores there were, what they would do on more of the same cores.
 *
 *   measured core-seconds a connection ─► one-core cost of the design ─► the same design on 8, 24, 48 cores
 *
 * One number a design is calibrated: the factor on its one-core cost with which the model, on as many cores as were measured,
 * spends as much of their time on a connection as they did. Distances are those of the machine it is given. It refuses to
 * guess a design that was not measured, and a cost that its memory alone would exceed.
 */

import { breakdownOf, type ObjectFigures } from './breakdown.ts';
import { designs } from './designs/table.ts';
import { costsOf } from './engine/program.ts';
import type { Run } from './engine/run.ts';
import { SimulationInputError } from './input-error.ts';
import { coresOf, type Machine, type StackKind } from './machine/machine.ts';
import { runsOf } from './simulator.ts';
import { type Interval, intervalOf, meanOf } from './statistics.ts';

/** Sockets of the imagined machine have as many cores, unless the measured one's have more. */
const coresPerSocket = 24;
/** Open connections a core: enough that none ever waits for a client. */
const clientsPerCore = 64;
const calibrationConnections = 2_000;
const predictionConnections = 4_000;
const rounds = 4;

export interface MeasuredDesign {
  /** Of `designs/table.ts`. */
  readonly design: string;
  /** Of the server. */
  readonly cores: number;
  /** Time of the server's cores that a connection took, all of them together. */
  readonly coreSecondsPerConnection: number;
  readonly transactions: number;
  readonly bytes: number;
}

export interface Calibrated {
  readonly measured: MeasuredDesign;
  /** The machine with this design's one-core cost. */
  readonly machine: Machine;
  /** On the usual cost of such a machine. */
  readonly factor: number;
}

export interface Prediction {
  readonly cores: number;
  readonly connectionsPerSecond: number;
  /** 95 % interval over seeds: the model's own chance, not its error. */
  readonly low: number;
  readonly high: number;
  readonly missesPerConnection: number;
  readonly lockWaitCyclesPerConnection: number;
  readonly objects: readonly ObjectFigures[];
}

/** @throws {SimulationInputError} no such design, or no cost with which the model does what was measured. */
export function calibrate(machine: Machine, measured: MeasuredDesign): Calibrated {
  const { design, coreSecondsPerConnection, cores } = measured;
  if (!(coreSecondsPerConnection > 0 && Number.isFinite(coreSecondsPerConnection)))
    throw new SimulationInputError(
      `Cannot calibrate ${design}: ${coreSecondsPerConnection} s of a core a connection; wanted more than 0.`,
    );
  const wantedCycles = coreSecondsPerConnection * machine.clockGHz * 1e9;
  const large = grown(machine, cores);
  let factor = wantedCycles / usualCycles(large, measured);
  for (let round = 0; round < rounds; round++) {
    const [run] = runAt(withFactor(large, design, factor), measured, {
      cores,
      connections: calibrationConnections,
      seeds: [1],
    });
    const ratio = wantedCycles / (run.busyCycles / run.connections);
    factor *= ratio;
    if (Math.abs(ratio - 1) < 0.005) break;
  }
  if (!(factor > 0.01))
    throw new SimulationInputError(
      `Cannot calibrate ${design}: what its cache lines cost alone is more than the ${Math.round(wantedCycles)} cycles that a connection took.`,
    );
  return { measured, machine: withFactor(machine, design, factor), factor };
}

export function predict({ machine, measured }: Calibrated, cores: number, seeds = [1, 2]): Prediction {
  const runs = runAt(grown(machine, cores), measured, { cores, connections: predictionConnections, seeds });
  const rate: Interval = intervalOf(runs.map((run) => run.connectionsPerSecond));
  if (!(rate.mean > 0))
    throw new SimulationInputError(
      `Cannot predict ${measured.design} on ${cores} cores: no connection was completed in the simulation.`,
    );
  return {
    cores,
    connectionsPerSecond: rate.mean,
    low: Math.max(0, rate.low),
    high: rate.high,
    missesPerConnection: meanOf(runs.map((run) => run.misses / run.connections)),
    lockWaitCyclesPerConnection: meanOf(runs.map(lockWaitOf)),
    objects: breakdownOf(runs[0]),
  };
}

function lockWaitOf(run: Run): number {
  return breakdownOf(run).reduce(
    (sum, { lockWaitCyclesPerConnection }) => sum + lockWaitCyclesPerConnection,
    0,
  );
}

interface RunShape {
  readonly cores: number;
  readonly connections: number;
  readonly seeds: readonly number[];
}

function runAt(machine: Machine, measured: MeasuredDesign, { cores, connections, seeds }: RunShape): Run[] {
  const concurrency = clientsPerCore * cores;
  return runsOf(
    {
      machine,
      design: measured.design,
      workload: 'rpc',
      cores: [cores],
      transactions: measured.transactions,
      bytes: measured.bytes,
      concurrency,
      connections,
      seeds,
    },
    cores,
  );
}

/** As many cores of this kind as are asked for, and a network that is never the limit. */
export function grown(machine: Machine, cores: number): Machine {
  const { hops: _hops, ...rest } = machine;
  const nic = { ...machine.nic, gigabits: 10_000, queues: undefined };
  const perSocket = Math.max(machine.coresPerSocket, Math.min(coresPerSocket, cores));
  const sockets = Math.ceil(cores / perSocket);
  return coresOf(machine) >= cores
    ? { ...machine, nic }
    : { ...rest, nic, sockets, coresPerSocket: perSocket };
}

function stacksOf(design: string): readonly StackKind[] {
  const { costs } = designs[design];
  return [...new Set([costs.connection, costs.transaction])];
}

/** Both one-core costs by one factor: a run with one number of messages cannot tell them apart. */
function withFactor(machine: Machine, design: string, factor: number): Machine {
  const scaled = stacksOf(design).map((stack) => {
    const { connection, transaction } = costsOf(machine, stack);
    return [stack, { connection: connection * factor, transaction: transaction * factor }];
  });
  return { ...machine, singleCore: { ...machine.singleCore, ...Object.fromEntries(scaled) } };
}

function usualCycles(machine: Machine, { design, transactions }: MeasuredDesign): number {
  if (!Object.hasOwn(designs, design))
    throw new SimulationInputError(
      `Cannot calibrate design "${design}": there is none of that name; wanted one of ${Object.keys(designs).join(', ')}.`,
    );
  const { costs } = designs[design];
  return (
    costsOf(machine, costs.connection).connection +
    transactions * costsOf(machine, costs.transaction).transaction
  );
}
