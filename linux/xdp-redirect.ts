/**
 * An XDP program on a device that hands the frames of one user-level TCP to AF_XDP sockets, by the queue that they came
 * on, and leaves everything else to the kernel: ARP, ICMP, other ports.
 *
 * Attached as a BPF link: it goes when it is closed, and when the process goes. A frame that matches, on a queue that no
 * socket has taken, is dropped: the kernel's TCP would answer it with a reset.
 */

import {
  attachToDevice,
  createSocketMap,
  loadProgram,
  XDP_FLAGS_DRV_MODE,
  XDP_FLAGS_SKB_MODE,
} from './bpf.ts';
import { BpfAssembler } from './bpf-assembler.ts';
import { deviceIndex, type Queues, queuesOf } from './device-settings.ts';
import { type FrameMatch, matchXdp } from './frame-match.ts';
import { SystemCallError } from './libc.ts';
import { closeDescriptor } from './sockets.ts';

const XDP_DROP = 1;
const XDP_PASS = 2;
const contextReceiveQueue = 16;
const helperRedirectMap = 51;
const EBUSY = 16;
const EPERM = 1;

export interface XdpRedirect {
  readonly device: string;
  /** native: in the driver, before the kernel has a buffer. generic: on the kernel's buffers, on any device. */
  readonly mode: 'native' | 'generic';
  /** Why it is not native; null when it is. */
  readonly nativeRefused: string | null;
  readonly queues: number;
  /** Descriptor of the map that sockets enter by their queue: any thread of the process may. */
  readonly map: number;
  close(): void;
}

/**
 * @param device in the calling thread's network namespace.
 * @throws {SystemCallError} EPERM: needs CAP_BPF and CAP_NET_ADMIN; EBUSY: the device has an XDP program already.
 */
export function redirectTo(device: string, match: FrameMatch): XdpRedirect {
  const index = deviceIndex(device);
  const queues: Queues = queuesOf(device);
  const map = createSocketMap(queues.receive);
  let program = -1;
  try {
    program = loadProgram('XDP', redirectProgram(match, map));
    const { link, mode, nativeRefused } = attach(device, index, program);
    return {
      device,
      mode,
      nativeRefused,
      queues: queues.receive,
      map,
      close: () => {
        closeDescriptor(link);
        closeDescriptor(map);
      },
    };
  } catch (error) {
    closeDescriptor(map);
    throw error;
  } finally {
    // An attached program is held by its link.
    if (program >= 0) closeDescriptor(program);
  }
}

function attach(device: string, deviceIndex: number, program: number) {
  try {
    const link = attachToDevice(program, { place: 'XDP', deviceIndex, flags: XDP_FLAGS_DRV_MODE });
    return { link, mode: 'native' as const, nativeRefused: null };
  } catch (error) {
    if (!(error instanceof SystemCallError) || error.errno === EPERM) throw error;
    if (error.errno === EBUSY)
      throw new SystemCallError(
        `Cannot attach an XDP program to "${device}" (it has one already; "ip link show ${device}" names it, ` +
          `"ip link set ${device} xdp off" takes off one that is not held by a process)`,
        EBUSY,
      );
    const link = attachToDevice(program, { place: 'XDP', deviceIndex, flags: XDP_FLAGS_SKB_MODE });
    return { link, mode: 'generic' as const, nativeRefused: error.code };
  }
}

/** Exported for tests. */
export function redirectProgram(match: FrameMatch, map: number): Uint8Array {
  const program = new BpfAssembler();
  matchXdp(program, match, 'pass');
  return program
    .load(32, 2, 6, contextReceiveQueue)
    .mapReference(1, map)
    .immediate('move', 3, XDP_DROP)
    .call(helperRedirectMap)
    .exit()
    .label('pass')
    .immediate('move', 0, XDP_PASS)
    .exit()
    .assemble();
}
