/** Runs an XDP program or one on socket buffers once, on bytes (BPF_PROG_TEST_RUN), and says what it returned. */

import { lastErrno, libc, SystemCallError } from '../../linux/libc.ts';
import { allocate } from '../../linux/memory.ts';

const syscall = libc.func('syscall', 'long', ['long', 'int', 'uintptr_t', 'uint32_t']);
const SYS_bpf = process.arch === 'x64' ? 321 : 280;
const BPF_PROG_TEST_RUN = 10;

export function testRun(program: number, frame: Uint8Array): number {
  const memory = allocate(8192);
  try {
    const view = new DataView(memory.buffer);
    new Uint8Array(memory.buffer).set(frame, 4096);
    view.setUint32(0, program, true);
    view.setUint32(8, frame.byteLength, true);
    view.setBigUint64(16, memory.address + 4096n, true);
    const returned = syscall(SYS_bpf, BPF_PROG_TEST_RUN, Number(memory.address), 80);
    if (returned < 0) throw new SystemCallError('Cannot run a BPF program on bytes', lastErrno());
    return view.getInt32(4, true);
  } finally {
    memory.unmap();
  }
}
