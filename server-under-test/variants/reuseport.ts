/**
 * reuseport: one listening socket and accept queue a core, nothing shared (SO_REUSEPORT, Linux 3.9). The option says how
 * a connection finds its queue: `hash` by the kernel's hash of addresses and ports; `cpu` by the core that processes its
 * packets, chosen by a classic BPF program attached to the listeners (SO_ATTACH_REUSEPORT_CBPF, Linux 4.6), which takes
 * no rights at all.
 */

import { SO_ATTACH_REUSEPORT_CBPF } from '../../linux/sockets.ts';
import { startCoreThreads } from '../core-threads.ts';
import { openListeners } from '../listeners.ts';
import { attachFilter, encodeFilter, type FilterInstruction } from '../socket-filter.ts';
import type { VariantImplementation } from './variant.ts';

export const reuseport: VariantImplementation = {
  cannot: {},
  start: async ({ spec, option }) => {
    const listeners = openListeners({
      addresses: spec.addresses,
      port: spec.port,
      perAddress: spec.cores.length,
      reusePort: true,
      blockingTurnMs: null,
    });
    const byCpu = option === 'cpu';
    if (byCpu) {
      try {
        // One group an address: its sockets share the program.
        for (const [first] of listeners.sockets) attachCpuSelector(first as number, spec.cores);
      } catch (error) {
        listeners.close();
        throw error;
      }
    }
    return startCoreThreads(
      { spec, option },
      {
        listeners,
        ownListeners: (index) => listeners.sockets.map((sockets) => sockets[index] as number),
        wakeUp: 'level',
        notes: byCpu
          ? {
              'server.selector': `by the core that processes the SYN; those processed outside cores ${spec.cores.join(', ')} are dealt by core number modulo ${spec.cores.length}`,
            }
          : {},
      },
    );
  },
};

const BPF_LD_W_ABS = 0x20;
const BPF_JMP_JEQ_K = 0x15;
const BPF_ALU_MOD_K = 0x94;
const BPF_RET_K = 0x06;
const BPF_RET_A = 0x16;
/** SKF_AD_OFF + SKF_AD_CPU: loads the number of the core that runs the program (linux/filter.h). */
const currentCpu = 0xffff_f000 + 36;

/**
 * struct sock_filter[]: which listener (by its place in `cores`) takes a connection whose packets core A processes.
 * Exported for tests.
 */
export function cpuSelector(cores: readonly number[]): Uint8Array<ArrayBuffer> {
  return encodeFilter([
    [BPF_LD_W_ABS, 0, 0, currentCpu],
    ...cores.flatMap((core, index): FilterInstruction[] => [
      [BPF_JMP_JEQ_K, 0, 1, core],
      [BPF_RET_K, 0, 0, index],
    ]),
    [BPF_ALU_MOD_K, 0, 0, cores.length],
    [BPF_RET_A, 0, 0, 0],
  ]);
}

/** @throws {SystemCallError} */
export function attachCpuSelector(listener: number, cores: readonly number[]): void {
  attachFilter(listener, SO_ATTACH_REUSEPORT_CBPF, cpuSelector(cores));
}
