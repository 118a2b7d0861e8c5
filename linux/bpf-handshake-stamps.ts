/**
 * When the handshake of each connection to one port ended, stamped by the kernel: a BPF program on
 * sock:inet_sock_set_state (SYN_RECV → ESTABLISHED) writes CLOCK_MONOTONIC into a table in mapped memory, and the
 * thread that accepts a connection takes its stamp from there without a system call.
 *
 *   slot = hash(peer address, peer port)      0       4       8          16
 *                                             │address│port+1 │ stamp ns │
 *
 * The table has no chains: of two connections with one slot the later wins, and the earlier has no stamp. A slot says
 * whose stamp it holds, is emptied when taken, and is checked again after reading: a wrong stamp is never returned.
 */

import { createMappableMap, loadProgram, openRawTracepoint } from './bpf.ts';
import { BpfAssembler } from './bpf-assembler.ts';
import { kernelMemberOffsets } from './bpf-types.ts';
import { mapDescriptor } from './memory.ts';
import { closeDescriptor } from './sockets.ts';

const slotBits = 16;
const slotBytes = 16;
const tableBytes = slotBytes << slotBits;
const addressFactor = 0x9e37_79b1;
const portFactor = 0x85eb_ca6b;
/** Set in a slot's second word, so that an empty slot is nobody's. */
const presentBit = 0x1_0000;

const TCP_ESTABLISHED = 1;
const TCP_SYN_RECV = 3;
const AF_INET = 2;
const helperKtimeGetNs = 5;
const helperProbeReadKernel = 113;

const socketMembers = ['skc_daddr', 'skc_dport', 'skc_num', 'skc_family', 'skc_v6_daddr'] as const;
export type SocketOffsets = Readonly<Record<(typeof socketMembers)[number], number>>;

export interface HandshakeTracing {
  /** Descriptor of the table: threads of this process open it with `new HandshakeStamps(map)`. */
  readonly map: number;
  stop(): void;
}

/**
 * Starts stamping the handshakes of connections to `port`, in every network namespace.
 * @throws {SystemCallError} EPERM: needs CAP_BPF and CAP_PERFMON (or root). Throws too when the kernel tells no types.
 */
export function traceHandshakes(port: number): HandshakeTracing {
  const offsets = kernelMemberOffsets('sock_common', socketMembers);
  const map = createMappableMap(tableBytes);
  let program = -1;
  try {
    program = loadProgram('raw tracepoint', stampProgram({ port, map, offsets }));
    const attached = openRawTracepoint('inet_sock_set_state', program);
    return {
      map,
      stop: () => {
        closeDescriptor(attached);
        closeDescriptor(map);
      },
    };
  } catch (error) {
    closeDescriptor(map);
    throw error;
  } finally {
    // An attached program is held by its attachment.
    if (program >= 0) closeDescriptor(program);
  }
}

/** The stamps, for one thread that accepts connections. */
export class HandshakeStamps {
  readonly #words: Uint32Array;

  /** @param map the descriptor from traceHandshakes(). @throws {SystemCallError} */
  constructor(map: number) {
    this.#words = new Uint32Array(mapDescriptor(map, tableBytes, 0).buffer);
  }

  /**
   * Takes the stamp of the connection from `peer`.
   * @param peer a struct sockaddr_in or sockaddr_in6, as accept4(2) leaves it.
   * @returns CLOCK_MONOTONIC in nanoseconds; -1: there is none.
   */
  take(peer: Uint32Array): number {
    // On the wire's byte order both here and there: nothing is turned round.
    const port = peer[0] >>> 16;
    const address = (peer[0] & 0xffff) === AF_INET ? peer[1] : (peer[2] ^ peer[3] ^ peer[4] ^ peer[5]) >>> 0;
    const hash = (Math.imul(address, addressFactor) + Math.imul(port, portFactor)) >>> 0;
    const at = (hash >>> (32 - slotBits)) * (slotBytes / 4);
    const words = this.#words;
    const owner = port | presentBit;
    if (words[at] !== address || words[at + 1] !== owner) return -1;
    const stampNs = words[at + 2] + words[at + 3] * 2 ** 32;
    if (words[at] !== address || words[at + 1] !== owner) return -1;
    words[at + 1] = 0;
    return stampNs;
  }
}

/** Exported for tests. The tracepoint's arguments: socket, old state, new state, each 64 bits (TP_PROTO). */
export function stampProgram(options: {
  readonly port: number;
  readonly map: number;
  readonly offsets: SocketOffsets;
}): Uint8Array {
  const { port, map, offsets } = options;
  const copied = Math.ceil((Math.max(...Object.values(offsets)) + 16) / 8) * 8;
  const onStack = (member: keyof SocketOffsets): number => offsets[member] - copied;
  return (
    new BpfAssembler()
      .load(64, 2, 1, 8)
      .jumpIfNotEqual(2, TCP_SYN_RECV, 'out')
      .load(64, 2, 1, 16)
      .jumpIfNotEqual(2, TCP_ESTABLISHED, 'out')
      // One copy of the front of the socket: cheaper than a call a member.
      .load(64, 3, 1, 0)
      .register('move', 1, 10)
      .immediate('add', 1, -copied)
      .immediate('move', 2, copied)
      .call(helperProbeReadKernel)
      .jumpIfNotEqual(0, 0, 'out')
      .load(16, 2, 10, onStack('skc_num'))
      .jumpIfNotEqual(2, port, 'out')
      .load(16, 7, 10, onStack('skc_dport'))
      .load(32, 8, 10, onStack('skc_daddr'))
      .load(16, 2, 10, onStack('skc_family'))
      .jumpIfEqual(2, AF_INET, 'hash')
      .load(32, 8, 10, onStack('skc_v6_daddr'))
      .load(32, 2, 10, onStack('skc_v6_daddr') + 4)
      .register32('xor', 8, 2)
      .load(32, 2, 10, onStack('skc_v6_daddr') + 8)
      .register32('xor', 8, 2)
      .load(32, 2, 10, onStack('skc_v6_daddr') + 12)
      .register32('xor', 8, 2)
      .label('hash')
      .register32('move', 1, 8)
      .immediate32('multiply', 1, addressFactor)
      .register32('move', 2, 7)
      .immediate32('multiply', 2, portFactor)
      .register32('add', 1, 2)
      .immediate32('shiftRight', 1, 32 - slotBits)
      .immediate32('shiftLeft', 1, Math.log2(slotBytes))
      .mapValue(9, map)
      .register('add', 9, 1)
      .call(helperKtimeGetNs)
      // Nobody's while it changes.
      .immediate32('move', 1, 0)
      .store(32, 9, 4, 1)
      .store(64, 9, 8, 0)
      .store(32, 9, 0, 8)
      .immediate32('or', 7, presentBit)
      .store(32, 9, 4, 7)
      .label('out')
      .immediate('move', 0, 0)
      .exit()
      .assemble()
  );
}
