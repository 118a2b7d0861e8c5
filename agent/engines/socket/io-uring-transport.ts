/**
 * A flood over io_uring. One connection is one linked chain of operations on a direct descriptor, submitted at once:
 *
 *   socket ─► (option ─► bind ─►) connect ─► send ─► receive        then, by what was heard: receive again,
 *    silent     silent   silent     tells    silent   tells         send ─► receive, or close
 *
 * A silent operation posts a completion only when it fails, and that one then stands for the rest of its chain; when
 * `connect` fails, the rest is posted too (cancelled), and is counted off before the slot is free.
 *
 * Submissions run in order, and close on a direct descriptor never waits: a slot may be opened again in the same batch.
 */

import { constants } from 'node:os';
import { IoUring } from '../../../linux/io-uring.ts';
import {
  linked,
  prepareBind,
  prepareCancel,
  prepareClose,
  prepareConnect,
  prepareReceive,
  prepareSend,
  prepareSendMessage,
  prepareSetOption,
  prepareSocket,
  type SocketOption,
  silent,
  type WordAddress,
  wordAddress,
} from '../../../linux/io-uring-operations.ts';
import { SystemCallError } from '../../../linux/libc.ts';
import { openFilesLimit } from '../../../linux/limits.ts';
import { allocate, type Mapping } from '../../../linux/memory.ts';
import { IP_BIND_ADDRESS_NO_PORT, IPPROTO_IP } from '../../../linux/sockets.ts';
import type { Buffers } from '../flood/buffers.ts';
import type { Transport, TransportEvents, TransportOptions } from '../flood/transport.ts';

const Tag = { prefix: 1, connect: 2, send: 3, receive: 4, close: 5, cancel: 6 } as const;

/** The longest chain: socket, option, bind, connect, send, receive. */
const chainLength = 6;
/** sizeof(struct sockaddr), of which only the family is looked at. */
const unspecifiedBytes = 16;

export class IoUringTransport implements Transport {
  readonly capacity: number;
  readonly startsAtOnce = 4;
  readonly awakeUs = 100;

  readonly #ring: IoUring;
  readonly #buffers: Buffers;
  readonly #gathered: boolean;
  /** Of each slot: completions of a failed chain still to come, and why it failed. */
  readonly #owed: Uint8Array;
  readonly #errno: Uint8Array;
  /** An address of family AF_UNSPEC, and an int that says yes. */
  readonly #constants: Mapping;
  readonly #unspecified: WordAddress;
  readonly #noPortYet: SocketOption;

  /** @throws {SystemCallError} @throws {UnsupportedRing} */
  constructor(options: TransportOptions) {
    const { buffers } = options;
    this.#buffers = buffers;
    this.#gathered = options.gathered;
    this.#owed = new Uint8Array(buffers.slots);
    this.#errno = new Uint8Array(buffers.slots);
    this.#ring = new IoUring({
      submissions: 1024,
      completions: Math.max(4096, 4 * buffers.slots),
    });
    try {
      this.capacity = registerUpTo(this.#ring, buffers.slots);
    } catch (thrown) {
      this.#ring.close();
      throw thrown;
    }
    this.#constants = allocate(64);
    new Int32Array(this.#constants.buffer)[8] = 1;
    this.#unspecified = wordAddress(this.#constants.address);
    this.#noPortYet = {
      level: IPPROTO_IP,
      name: IP_BIND_ADDRESS_NO_PORT,
      bytes: 4,
      value: wordAddress(this.#constants.address + 32n),
    };
  }

  open(slot: number, connection: number): void {
    const ring = this.#ring;
    const buffers = this.#buffers;
    ring.reserve(chainLength);
    const { sourceCount, targetCount } = buffers;
    const target =
      targetCount === 1 ? 0 : (sourceCount > 1 ? (connection / sourceCount) >>> 0 : connection) % targetCount;
    prepareSocket(ring, linked | silent, slot, buffers.targetFamily(target), Tag.prefix);
    if (sourceCount > 0) this.#bind(slot, connection % sourceCount);
    const address = buffers.address + buffers.targetAt(target);
    prepareConnect(
      ring,
      linked,
      slot,
      address | 0,
      Math.floor(address / 2 ** 32),
      buffers.targetBytes(target),
      Tag.connect,
    );
    this.#sendAndReceive(slot);
  }

  send(slot: number): void {
    this.#ring.reserve(2);
    this.#sendAndReceive(slot);
  }

  receive(slot: number): void {
    this.#ring.reserve(1);
    this.#receive(slot);
  }

  close(slot: number, byReset: boolean): void {
    this.#ring.reserve(2);
    if (byReset) {
      const { low, high } = this.#unspecified;
      prepareConnect(this.#ring, silent, slot, low, high, unspecifiedBytes, Tag.close);
    }
    prepareClose(this.#ring, silent, slot, Tag.close);
  }

  cancel(slot: number): void {
    // Which of its operations is under way is the kernel's to know: the others are not found, which is no failure.
    this.#ring.reserve(3);
    prepareCancel(this.#ring, silent, slot, Tag.connect, Tag.cancel);
    prepareCancel(this.#ring, silent, slot, Tag.send, Tag.cancel);
    prepareCancel(this.#ring, silent, slot, Tag.receive, Tag.cancel);
  }

  poll(waitUs: number, events: TransportEvents): void {
    const ring = this.#ring;
    let head = ring.completionHead();
    if (head === ring.completionTail() || ring.pending > 0) ring.submitAndWait(waitUs);
    events.woke();
    const tail = ring.completionTail();
    const { completions } = ring;
    while (head !== tail) {
      const at = ring.completionAt(head);
      this.#complete(completions[at], completions[at + 1], completions[at + 2], events);
      head = (head + 1) | 0;
    }
    ring.consumed(head);
  }

  notes(): Readonly<Record<string, string>> {
    return {};
  }

  destroy(): void {
    this.#ring.close();
    this.#constants.unmap();
  }

  #complete(tag: number, slot: number, result: number, events: TransportEvents): void {
    if (tag === Tag.close || tag === Tag.cancel) return;
    if (this.#owed[slot] > 0) {
      if (--this.#owed[slot] === 0) this.#fail(slot, this.#errno[slot], events);
    } else if (tag === Tag.connect) {
      if (result >= 0) events.connected(slot);
      else {
        this.#errno[slot] = -result;
        this.#owed[slot] = 2;
      }
    } else if (tag === Tag.receive && result >= 0) {
      events.received(slot, result);
    } else {
      // A send that went out in part cannot be taken up again: the rest of its chain is gone.
      this.#fail(slot, result < 0 ? -result : constants.errno.ECONNRESET, events);
    }
  }

  #fail(slot: number, errno: number, events: TransportEvents): void {
    this.close(slot, false);
    events.failed(slot, errno);
  }

  #bind(slot: number, source: number): void {
    prepareSetOption(this.#ring, linked | silent, slot, this.#noPortYet, Tag.prefix);
    const address = this.#buffers.address + this.#buffers.sourceAt(source);
    prepareBind(
      this.#ring,
      linked | silent,
      slot,
      address | 0,
      Math.floor(address / 2 ** 32),
      this.#buffers.sourceBytes(source),
      Tag.prefix,
    );
  }

  #sendAndReceive(slot: number): void {
    const { sendLow, sendHigh, sendBytes } = this.#buffers;
    const flags = linked | silent;
    if (this.#gathered) prepareSendMessage(this.#ring, flags, slot, sendLow[slot], sendHigh[slot], Tag.send);
    else prepareSend(this.#ring, flags, slot, sendLow[slot], sendHigh[slot], sendBytes[slot], Tag.send);
    this.#receive(slot);
  }

  #receive(slot: number): void {
    const address = this.#buffers.address + this.#buffers.receiveAt[slot];
    prepareReceive(
      this.#ring,
      0,
      slot,
      address | 0,
      Math.floor(address / 2 ** 32),
      this.#buffers.receiveBytes[slot],
      Tag.receive,
    );
  }
}

/** As many direct descriptors as the limit of open files allows, at most `wanted`. @throws {SystemCallError} */
function registerUpTo(ring: IoUring, wanted: number): number {
  try {
    ring.registerDirectDescriptors(wanted);
    return wanted;
  } catch (thrown) {
    if (!(thrown instanceof SystemCallError) || thrown.code !== 'EMFILE') throw thrown;
    const count = Math.min(wanted, openFilesLimit());
    ring.registerDirectDescriptors(count);
    return count;
  }
}
