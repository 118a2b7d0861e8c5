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
  #whole = untouched;

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
  readonly #devices: readonly { readonly holder: Holder; readonly name: string; count: number }[];
  readonly #all: number;

  /** @param all that the devices were made with. */
  constructor(server: Holder, agents: readonly Holder[], all: number) {
    this.#all = all;
    this.#devices = agents.flatMap((agent, index) => [
      { holder: server, name: `srv${index}`, count: all },
      { holder: agent, name: 'load0', count: all },
    ]);
  }

  /** Of every device. */
  get count(): number {
    return Math.min(...this.#devices.map(({ count }) => count));
  }

  /**
   * @returns what it came to, in words.
   * @throws {Failure} when devices do not get all their queues back: kernels are not to be compared with fewer.
   */
  async set({ serverCores, wholeChecksums = untouched }: TrialPlace): Promise<string> {
    const below = wholeChecksums.server && wholeChecksums.agents;
    const wanted = below ? Math.min(serverCores.length, this.#all) : this.#all;
    const refused = await this.#change(wanted);
    if (refused === null) return String(wanted);
    // Older kernels cannot. Then each end is used as it was made: only speed is lost.
    const stuck = wanted === this.#all ? refused : await this.#change(this.#all);
    if (stuck !== null)
      throw badInput(
        `Cannot place a trial: devices of the lab have ${this.count} queues; wanted ${this.#all}. ` +
          `"ethtool --set-channels" said: ${stuck}`,
      );
    return `${this.#all}; ${wanted} were not to be had: ${refused}`;
  }

  /** @returns why not all devices have so many now; null: they have. */
  async #change(wanted: number): Promise<string | null> {
    const ended = await Promise.allSettled(
      this.#devices
        .filter(({ count }) => count !== wanted)
        .map(async (device) => {
          const counts = ['rx', String(wanted), 'tx', String(wanted)];
          await device.holder.run('ethtool', ['--set-channels', device.name, ...counts]);
          device.count = wanted;
        }),
    );
    const failed = ended.find((one) => one.status === 'rejected');
    if (failed === undefined) return null;
    return failed.reason instanceof Error ? failed.reason.message : String(failed.reason);
  }
}
