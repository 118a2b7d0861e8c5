/** How far a core is from a line: cycles by socket. Cores are numbered socket by socket, as the papers add them. */

import type { Machine } from './machine.ts';

export class Distance {
  readonly cores: number;
  readonly sockets: number;
  /** Socket by core. */
  readonly socketOf: Int32Array;
  /** Cycles to fetch a line that another core has, by socket of the asker × socket of the owner. */
  readonly transfer: Float64Array;
  /** The same for memory, by socket of the asker × node. */
  readonly memory: Float64Array;
  readonly l3: number;

  constructor(machine: Machine, cores: number) {
    this.cores = cores;
    this.sockets = Math.ceil(cores / machine.coresPerSocket);
    this.socketOf = Int32Array.from({ length: cores }, (_, core) =>
      Math.floor(core / machine.coresPerSocket),
    );
    this.l3 = machine.latencyCycles.l3;
    this.transfer = new Float64Array(this.sockets * this.sockets);
    this.memory = new Float64Array(this.sockets * this.sockets);
    const { otherCore, otherSocket, memory, remoteMemory } = machine.latencyCycles;
    for (let from = 0; from < this.sockets; from++)
      for (let to = 0; to < this.sockets; to++) {
        const hops = from === to ? 0 : (machine.hops?.[from]?.[to] ?? 1);
        const at = from * this.sockets + to;
        this.transfer[at] = hops === 0 ? otherCore : otherSocket[Math.min(hops, otherSocket.length) - 1];
        this.memory[at] = hops === 0 ? memory : remoteMemory[Math.min(hops, remoteMemory.length) - 1];
      }
  }

  /** Cycles for a line to move from one core to another; nothing where it already is. */
  between(from: number, to: number): number {
    if (from === to) return 0;
    return this.transfer[this.socketOf[to] * this.sockets + this.socketOf[from]];
  }
}
