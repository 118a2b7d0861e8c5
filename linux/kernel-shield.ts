/**
 * A program on a device's way in (TCX, Linux 6.6) that drops the frames of one user-level TCP after packet sockets have
 * seen them and before the kernel's TCP does: it would answer each with a reset, for it knows no such connection.
 *
 * Attached as a BPF link: it goes when it is closed, and when the process goes. Other programs on the same way are left
 * to run.
 */

import { attachToDevice, loadProgram } from './bpf.ts';
import { BpfAssembler } from './bpf-assembler.ts';
import { deviceIndex } from './device-settings.ts';
import { type FrameMatch, matchSocketBuffer } from './frame-match.ts';
import { SystemCallError } from './libc.ts';
import { closeDescriptor } from './sockets.ts';

const TCX_NEXT = -1;
const TCX_DROP = 2;
const EINVAL = 22;

export interface KernelShield {
  close(): void;
}

/**
 * @param device in the calling thread's network namespace.
 * @throws {SystemCallError} EPERM: needs CAP_BPF and CAP_NET_ADMIN; EINVAL: the kernel is older than 6.6.
 */
export function shieldKernel(device: string, match: FrameMatch & { readonly tcp: object }): KernelShield {
  const index = deviceIndex(device);
  const program = loadProgram('traffic class', shieldProgram(match));
  try {
    const link = attachToDevice(program, { place: 'TCX ingress', deviceIndex: index, flags: 0 });
    return {
      close: () => {
        closeDescriptor(link);
      },
    };
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === EINVAL)
      throw new SystemCallError(
        `Cannot keep the kernel's TCP from answering on "${device}" (it has no TCX, wanted Linux 6.6 or newer)`,
        EINVAL,
      );
    throw error;
  } finally {
    closeDescriptor(program);
  }
}

/** Exported for tests. */
export function shieldProgram(match: FrameMatch & { readonly tcp: object }): Uint8Array {
  const program = new BpfAssembler();
  matchSocketBuffer(program, match, 'next');
  return program
    .immediate('move', 0, TCX_DROP)
    .exit()
    .label('next')
    .immediate('move', 0, TCX_NEXT)
    .exit()
    .assemble();
}
