/**
 * Settings of the lab's devices that depend on who takes their frames below the kernel's TCP: set with ethtool(8), and only
 * when a trial wants them otherwise than the one before.
 */

import { badInput } from '../../protocol/failure.ts';
import type { Holder } from './holder.ts';
import type { TrialPlace } from './lab.ts';
import { findProgram } from './program.ts';

const untouched = { server: false, agents: false };

/** Whether each side's kernel leaves checksums to its devices: changed only when a trial wants it otherwise. */
export class Checksums {
  readonly #server: Holder;
  readonly #agents: readonly Holder[];
  #whole = { server: false, agents: false };

  constructor(server: Holder, agents: readonly Holder[]) {
    this.#server = server;
    this.#agents = agents;
  }

  /** @throws {Failure} */
  async set({ wholeChecksums = untouched }: TrialPlace): Promise<void> {
    const before = this.#whole;
    this.#whole = wholeChecksums;
    const turn = (holder: Holder, device: string, whole: boolean): Promise<string> =>
      holder.run('ethtool', ['--features', device, 'tx', whole ? 'off' : 'on']);
    const { server, agents } = wholeChecksums;
    if ((server !== before.server || agents !== before.agents) && findProgram('ethtool') === null)
      throw badInput(
        'Cannot place a trial whose frames are taken below TCP: the program "ethtool" is missing; wanted to turn off ' +
          'checksum offload. Install it (apt-get install ethtool)',
      );
    await Promise.all([
      ...(server === before.server
        ? []
        : this.#agents.map((_, index) => turn(this.#server, `srv${index}`, server))),
      ...(agents === before.agents ? [] : this.#agents.map((agent) => turn(agent, 'load0', agents))),
    ]);
  }
}

/**
 * How many queues every device has: as many as the machine has cores, for kernels spread work over them. Where both ends
 * take frames below TCP there is one for each thread of the server; with a single one, frames are sent many at a time
 * (linux/xdp-sender.ts).
 */
export class DeviceQueues {
  readonly #server: Holder;
  readonly #agents: readonly Holder[];
  readonly #all: number;
  #count: number;

  /** @param all that the devices were made with. */
  constructor(server: Holder, agents: readonly Holder[], all: number) {
    this.#server = server;
    this.#agents = agents;
    this.#all = all;
    this.#count = all;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns what it came to, in words. */
  async set({ serverCores, wholeChecksums = untouched }: TrialPlace): Promise<string> {
    const below = wholeChecksums.server && wholeChecksums.agents;
    const wanted = below ? Math.min(serverCores.length, this.#all) : this.#all;
    if (wanted !== this.#count) {
      const change = (holder: Holder, device: string): Promise<string> =>
        holder.run('ethtool', ['--set-channels', device, 'rx', String(wanted), 'tx', String(wanted)]);
      try {
        await Promise.all(this.#agents.map((_, index) => change(this.#server, `srv${index}`)));
        await Promise.all(this.#agents.map((agent) => change(agent, 'load0')));
        this.#count = wanted;
      } catch (error) {
        // Linux before 5.16 cannot. Each end is used as it is: only speed is lost.
        return `${this.#count}; ${wanted} were not to be had: ${error instanceof Error ? error.message : String(error)}`;
      }
    }
    return String(this.#count);
  }
}
