/**
 * One io_uring: its rings in mapped memory, written and read as Int32 words, and the one call that submits and waits.
 *
 *   words  ── sixteen a submission, filled by io-uring-operations.ts ──►  enter()  ──►  kernel
 *   completions  ◄── four words each: user data (two words), result, flags ──────────────┘
 *
 * A ring belongs to the thread that opened it (SINGLE_ISSUER): nothing here locks. Submissions are consumed in order, and
 * a linked chain must lie within one call, so callers `reserve` its length first. Completions that find their ring full
 * are kept by the kernel (NODROP) and handed over by later calls. It refuses kernels without what it rests on, by a
 * `SystemCallError` or an `UnsupportedRing`; it knows nothing of sockets.
 */

import { checked, errnoName, lastErrno, libc, SystemCallError } from './libc.ts';
import { allocate, type Mapping, mapDescriptor } from './memory.ts';

const setup = libc.func('syscall', 'long', ['long', 'uint32', 'void *']);
const enter = libc.func('syscall', 'long', ['long', 'int', 'uint32', 'uint32', 'uint32', 'int64', 'size_t']);
const register = libc.func('syscall', 'long', ['long', 'int', 'uint32', 'void *', 'uint32']);
const close = libc.func('int close(int fd)');

const SYS_io_uring_setup = 425;
const SYS_io_uring_enter = 426;
const SYS_io_uring_register = 427;

const IORING_OFF_SQ_RING = 0;
const IORING_OFF_SQES = 0x1000_0000;
const IORING_SETUP_CQSIZE = 1 << 3;
const IORING_SETUP_CLAMP = 1 << 4;
const IORING_SETUP_SUBMIT_ALL = 1 << 7;
const IORING_SETUP_COOP_TASKRUN = 1 << 8;
const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
const IORING_SETUP_DEFER_TASKRUN = 1 << 13;

const IORING_FEAT_SINGLE_MMAP = 1 << 0;
const IORING_FEAT_NODROP = 1 << 1;
const IORING_FEAT_EXT_ARG = 1 << 8;
const IORING_FEAT_CQE_SKIP = 1 << 11;

const IORING_ENTER_GETEVENTS = 1 << 0;
const IORING_ENTER_EXT_ARG = 1 << 3;

const IORING_REGISTER_PROBE = 8;
const IORING_REGISTER_FILES2 = 13;
const IORING_RSRC_REGISTER_SPARSE = 1;
const IO_URING_OP_SUPPORTED = 1;

const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const EINVAL = 22;
const ETIME = 62;

/** From the best to what every kernel has; one that a kernel does not know is refused with EINVAL. */
const setupLevels: readonly { readonly flags: number; readonly name: string }[] = [
  {
    flags:
      IORING_SETUP_SINGLE_ISSUER |
      IORING_SETUP_DEFER_TASKRUN |
      IORING_SETUP_COOP_TASKRUN |
      IORING_SETUP_SUBMIT_ALL,
    name: 'deferred task work',
  },
  { flags: IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL, name: 'cooperative task work' },
  { flags: IORING_SETUP_SUBMIT_ALL, name: 'task work by interrupt' },
  { flags: 0, name: 'task work by interrupt, submission stops at the first error' },
];

const neededFeatures: readonly { readonly bit: number; readonly name: string }[] = [
  { bit: IORING_FEAT_SINGLE_MMAP, name: 'IORING_FEAT_SINGLE_MMAP' },
  { bit: IORING_FEAT_NODROP, name: 'IORING_FEAT_NODROP' },
  { bit: IORING_FEAT_EXT_ARG, name: 'IORING_FEAT_EXT_ARG' },
  { bit: IORING_FEAT_CQE_SKIP, name: 'IORING_FEAT_CQE_SKIP' },
];

/** Words of a submission and of a completion. */
export const submissionWords = 16;
export const completionWords = 4;

/** The kernel has io_uring, but not enough of it. */
export class UnsupportedRing extends Error {
  override readonly name = 'UnsupportedRing';
}

export interface IoUringSize {
  /** Submissions that fit before a call is due; the kernel rounds up to a power of two. */
  readonly submissions: number;
  /** Completions that fit before the kernel must keep them aside. */
  readonly completions: number;
}

export class IoUring {
  /** Sixteen words a submission. */
  readonly words: Int32Array;
  /** How this kernel runs completions, in words for a person. */
  readonly taskWork: string;

  readonly #fd: number;
  readonly #ring: Mapping;
  readonly #submissions: Mapping;
  readonly #wait: Mapping;
  readonly #waitWords: Int32Array;
  readonly #waitAddress: number;
  /** The shared ring: indexes of both queues, and the completions. */
  readonly #shared: Int32Array;
  readonly #headAt: number;
  readonly #tailAt: number;
  readonly #mask: number;
  readonly #capacity: number;
  readonly #completionHeadAt: number;
  readonly #completionTailAt: number;
  readonly #completionMask: number;
  readonly #completionsAt: number;
  #tail: number;
  #closed = false;

  /** @throws {SystemCallError} EPERM: refused here; ENOSYS: not built in; ENOMEM: RLIMIT_MEMLOCK. @throws {UnsupportedRing} */
  constructor(size: IoUringSize) {
    const parameters = new Uint32Array(30);
    const opened = openRing(size, parameters);
    this.#fd = opened.fd;
    this.taskWork = opened.taskWork;
    const features = parameters[5];
    const missing = neededFeatures.filter(({ bit }) => (features & bit) === 0);
    if (missing.length > 0) {
      close(this.#fd);
      throw new UnsupportedRing(`this kernel lacks ${missing.map(({ name }) => name).join(', ')}`);
    }
    const submissionOffsets = parameters.subarray(10, 20);
    const completionOffsets = parameters.subarray(20, 30);
    const ringBytes = Math.max(
      submissionOffsets[6] + parameters[0] * 4,
      completionOffsets[5] + parameters[1] * completionWords * 4,
    );
    this.#ring = mapDescriptor(this.#fd, ringBytes, IORING_OFF_SQ_RING);
    this.#submissions = mapDescriptor(this.#fd, parameters[0] * submissionWords * 4, IORING_OFF_SQES);
    this.#wait = allocate(64);
    this.#waitWords = new Int32Array(this.#wait.buffer, 0, 16);
    this.#waitAddress = Number(this.#wait.address);
    this.words = new Int32Array(this.#submissions.buffer);

    this.#shared = new Int32Array(this.#ring.buffer);
    this.#headAt = submissionOffsets[0] >>> 2;
    this.#tailAt = submissionOffsets[1] >>> 2;
    this.#mask = this.#shared[submissionOffsets[2] >>> 2];
    this.#capacity = parameters[0];
    const indexAt = submissionOffsets[6] >>> 2;
    for (let index = 0; index < this.#capacity; index++) this.#shared[indexAt + index] = index;
    this.#completionHeadAt = completionOffsets[0] >>> 2;
    this.#completionTailAt = completionOffsets[1] >>> 2;
    this.#completionMask = this.#shared[completionOffsets[2] >>> 2];
    this.#completionsAt = completionOffsets[5] >>> 2;
    this.#tail = Atomics.load(this.#shared, this.#tailAt);
    this.#prepareWait();
  }

  /** Submissions filled and not yet taken by the kernel. */
  get pending(): number {
    return (this.#tail - Atomics.load(this.#shared, this.#headAt)) | 0;
  }

  /** Makes room for `count` submissions in a row, by submitting what is there when they would not fit. */
  reserve(count: number): void {
    if (count > this.#capacity)
      throw new RangeError(`A chain of ${count} in a ring of ${this.#capacity}: it would never fit`);
    for (let tries = 0; this.#capacity - this.pending < count; tries++) {
      if (tries === 1000) throw new Error('Cannot submit to the io_uring: the kernel takes nothing any more');
      this.#enter(0, IORING_ENTER_GETEVENTS);
    }
  }

  /** Offset in `words` of the next submission, zeroed. Reserve first. */
  next(): number {
    const at = (this.#tail & this.#mask) << 4;
    this.words.fill(0, at, at + submissionWords);
    this.#tail = (this.#tail + 1) | 0;
    return at;
  }

  /** Hands over what was filled, and waits for a completion, at most `waitUs` whole microseconds (0: not at all). */
  submitAndWait(waitUs: number): void {
    this.#waitWords[timespecAt] = Math.floor(waitUs / 1e6);
    this.#waitWords[timespecAt + 2] = (waitUs % 1e6) * 1000;
    this.#enter(waitUs === 0 ? 0 : 1, IORING_ENTER_GETEVENTS);
  }

  /** Index of the first completion that was not consumed. */
  completionHead(): number {
    return this.#shared[this.#completionHeadAt];
  }

  /** Index after the last completion there is. Indexes wrap at 2^32: compare with `!==`. */
  completionTail(): number {
    return Atomics.load(this.#shared, this.#completionTailAt);
  }

  /** Offset in `completions` of one completion. */
  completionAt(index: number): number {
    return this.#completionsAt + ((index & this.#completionMask) << 2);
  }

  /** Four words a completion: user data low, user data high, result, flags. */
  get completions(): Int32Array {
    return this.#shared;
  }

  /** Gives the places of all completions before `index` back to the kernel. */
  consumed(index: number): void {
    Atomics.store(this.#shared, this.#completionHeadAt, index);
  }

  /** Direct descriptors 0 … count-1, all empty. @throws {SystemCallError} EMFILE: over RLIMIT_NOFILE. */
  registerDirectDescriptors(count: number): void {
    const argument = new Uint32Array(8);
    argument[0] = count;
    argument[1] = IORING_RSRC_REGISTER_SPARSE;
    checked(
      `Cannot register ${count} direct descriptors`,
      register(SYS_io_uring_register, this.#fd, IORING_REGISTER_FILES2, argument, argument.byteLength),
    );
  }

  /** Operation codes this kernel knows. @throws {SystemCallError} */
  supportedOperations(): ReadonlySet<number> {
    const most = 256;
    const probe = new Uint8Array(16 + most * 8);
    checked(
      'Cannot ask io_uring for its operations',
      register(SYS_io_uring_register, this.#fd, IORING_REGISTER_PROBE, probe, most),
    );
    const known = new Set<number>();
    for (let index = 0; index < probe[1]; index++) {
      const at = 16 + index * 8;
      if ((probe[at + 2] & IO_URING_OP_SUPPORTED) !== 0) known.add(probe[at]);
    }
    return known;
  }

  /**
   * Closes the ring; the kernel cancels what is under way and closes the direct descriptors. Memory that unfinished
   * operations may still write to must outlive this: see `pending` work to its end first. Closing twice does nothing.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    close(this.#fd);
    this.#ring.unmap();
    this.#submissions.unmap();
    this.#wait.unmap();
  }

  #prepareWait(): void {
    // struct io_uring_getevents_arg: signal mask, its size, least wait, address of the timespec behind it.
    const timespec = this.#waitAddress + timespecAt * 4;
    this.#waitWords[4] = timespec | 0;
    this.#waitWords[5] = Math.floor(timespec / 2 ** 32);
  }

  #enter(least: number, flags: number): void {
    Atomics.store(this.#shared, this.#tailAt, this.#tail);
    const returned: number = enter(
      SYS_io_uring_enter,
      this.#fd,
      this.pending,
      least,
      flags | IORING_ENTER_EXT_ARG,
      this.#waitAddress,
      getEventsArgumentBytes,
    );
    if (returned >= 0) return;
    const errno = lastErrno();
    // Time ran out, a signal came, or completions must be taken before more is accepted: the caller's loop does that.
    if (errno === ETIME || errno === EINTR || errno === EAGAIN || errno === EBUSY) return;
    throw new SystemCallError('Cannot enter the io_uring', errno);
  }
}

const getEventsArgumentBytes = 24;
/** Word of the timespec in the waiting area. */
const timespecAt = 6;

function openRing(size: IoUringSize, parameters: Uint32Array): { fd: number; taskWork: string } {
  let errno = EINVAL;
  for (const level of setupLevels) {
    parameters.fill(0);
    parameters[1] = size.completions;
    parameters[2] = level.flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    const fd: number = setup(SYS_io_uring_setup, size.submissions, parameters);
    if (fd >= 0) return { fd, taskWork: level.name };
    errno = lastErrno();
    if (errno !== EINVAL) break;
  }
  throw new SystemCallError('Cannot open an io_uring', errno);
}

/** Why `thrown`, by the constructor or a registration, keeps io_uring from being used: for a person, in few words. */
export function ringRefusal(thrown: unknown): string {
  if (thrown instanceof UnsupportedRing) return thrown.message;
  if (!(thrown instanceof SystemCallError)) throw thrown;
  switch (thrown.code) {
    case 'EPERM':
      return 'operation not permitted: kernel.io_uring_disabled or a seccomp profile forbids it';
    case 'EACCES':
      return 'permission denied by a security module';
    case 'ENOSYS':
      return 'this kernel has no io_uring';
    case 'ENOMEM':
      return 'no memory may be locked for it: RLIMIT_MEMLOCK is too low';
    default:
      return errnoName(thrown.errno);
  }
}
