/**
 * The machine at work: builds cores, caches, locks and connections of a run, and lets events happen in order of time.
 *
 * Time is in cycles of the machine's clock. Nothing is allocated an event. It knows no machine, design or paper by name.
 */

import { Directory } from '../coherence/directory.ts';
import type { Design } from '../designs/design.ts';
import { EventQueue } from '../event-queue.ts';
import { Distance } from '../machine/distance.ts';
import type { Machine } from '../machine/machine.ts';
import { type LineGroup, objectNames, objects } from '../objects/objects.ts';
import { randomStream } from '../random.ts';
import type { Workload } from '../workload.ts';
import { Accounts } from './accounts.ts';
import { Connections } from './connections.ts';
import { Cores } from './cores.ts';
import type { Slots } from './cores-options.ts';
import { onArrival, onContinue, onDone, onPacket } from './event-kinds.ts';
import { LockBank } from './lock-bank.ts';
import type { Program } from './program.ts';

export interface EngineOptions {
  readonly machine: Machine;
  readonly design: Design;
  readonly program: Program;
  readonly workload: Workload;
  readonly cores: number;
  readonly seed: number;
  /** Over how long the clients begin. */
  readonly spreadCycles: number;
  /** Completed connections before measuring begins. */
  readonly warmUp: number;
  /** Completed connections to measure. */
  readonly connections: number;
  /** Each client makes one connection, all at once; measured until the last is done. */
  readonly burst: boolean;
}

export class Engine {
  readonly accounts: Accounts;
  readonly directory: Directory;
  readonly cores: Cores;
  readonly connections: Connections;
  /** When measuring began. */
  measuredFrom = 0;
  /** Events that have happened. */
  events = 0;

  readonly #options: EngineOptions;
  readonly #queue = new EventQueue();

  constructor(options: EngineOptions) {
    const { machine, design, program, workload, cores, seed, warmUp, connections, burst } = options;
    this.#options = options;
    const clients = workload.concurrency;
    const queues = design.queues === 'shared' ? 1 : cores;
    const distance = new Distance(machine, cores);
    const running = new Int32Array(cores).fill(-1);
    const slots: Slots = {
      queueOf: new Int32Array(clients),
      packetStep: new Uint8Array(clients),
      appStep: new Uint8Array(clients),
      flowCore: new Int32Array(clients),
    };
    const instances = {
      machine: 1,
      socket: distance.sockets,
      core: cores,
      queue: queues,
      connection: clients,
    };
    this.accounts = new Accounts(program, cores);
    this.directory = new Directory(
      machine,
      distance,
      objectNames.map((name) => {
        const { scope, falseSharing }: LineGroup = objects[name];
        return { instances: instances[scope], falseSharing: falseSharing === true };
      }),
    );
    const common = {
      machine,
      design,
      program,
      cores,
      queues,
      slots,
      events: this.#queue,
      chance: randomStream(seed, 'flows'),
      accounts: this.accounts,
    };
    this.cores = new Cores({
      ...common,
      clients,
      backlog: workload.backlog,
      serviceChance: randomStream(seed, 'service'),
      directory: this.directory,
      locks: new LockBank({ machine, design, distance, program, queues, running }),
      running,
      socketOf: distance.socketOf,
      onStep: (core, slot, step) => this.connections.after(core, slot, step),
    });
    this.connections = new Connections(
      {
        ...common,
        workload,
        warmUp,
        connections,
        burst,
        arrivalChance: randomStream(seed, 'arrivals'),
        onWarm: () => this.#measure(),
      },
      this.cores,
    );
  }

  get now(): number {
    return this.#queue.time;
  }

  run(): void {
    const { warmUp, connections: wanted, spreadCycles } = this.#options;
    const { cores, connections } = this;
    const queue = this.#queue;
    connections.beginAll(spreadCycles);
    if (warmUp === 0) this.#measure();
    while (connections.completed < warmUp + wanted && queue.next()) {
      this.events++;
      const { event, argument } = queue;
      if (event === onPacket) connections.packetArrives(argument);
      else if (event === onContinue) cores.continue(argument);
      else if (event === onDone) cores.done(argument);
      else if (event === onArrival) connections.arrivals?.arrives(argument);
      else cores.tired(argument);
    }
    if (connections.completed < warmUp + wanted)
      throw new Error(
        `The simulation stood still after ${connections.completed} connections: a mistake of the model`,
      );
    cores.stop(this.now);
  }

  #measure(): void {
    this.measuredFrom = this.now;
    this.connections.measuring = true;
    this.accounts.reset();
    this.directory.resetCounts();
    this.cores.measure(this.now);
  }
}
