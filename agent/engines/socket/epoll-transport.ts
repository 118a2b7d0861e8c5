/**
 * A flood over epoll: one call an operation, where io_uring is refused. The same events in the same order.
 *
 *   socket ─► (bind) ─► connect ··► writable: send ─► watch for reading ··► recv ─► by what was heard
 *
 * A socket is watched once, for what it waits for (level-triggered): for writing until its request has gone out, then for
 * reading. What fails inside `open` or `send` is told by the next `poll`, so the flood hears of it in one place only.
 */

import { constants } from 'node:os';
import { EPOLLIN, EPOLLOUT, Epoll } from '../../../linux/epoll.ts';
import { lastErrno } from '../../../linux/libc.ts';
import { allocate, type Mapping } from '../../../linux/memory.ts';
import { rawGetOption, rawSetOption } from '../../../linux/socket-client.ts';
import {
  closeDescriptor,
  connect,
  IP_BIND_ADDRESS_NO_PORT,
  IPPROTO_IP,
  MSG_NOSIGNAL,
  rawBind,
  rawTcpSocket,
  recv,
  SO_ERROR,
  SO_LINGER,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOL_SOCKET,
  send,
} from '../../../linux/sockets.ts';
import { echoNonceBytes } from '../../../protocol/traffic.ts';
import type { Buffers } from '../flood/buffers.ts';
import type { Transport, TransportEvents, TransportOptions } from '../flood/transport.ts';

const { EAGAIN, ECANCELED, EINPROGRESS } = constants.errno;
const AF_INET6 = 10;
const MSG_MORE = 0x8000;
const mostEvents = 256;
/** Words of the option values: an int that says yes; struct linger (on, for no time: close sends a reset); an answer. */
const Value = { yes: 0, linger: 1, answer: 4, answerBytes: 5 } as const;

const Step = { closed: 0, connecting: 1, sending: 2, receiving: 3, failed: 4 } as const;

export class EpollTransport implements Transport {
  readonly capacity: number;
  readonly startsAtOnce = 4;
  readonly awakeUs = 100;

  readonly #buffers: Buffers;
  readonly #gathered: boolean;
  readonly #epoll: Epoll;
  readonly #memory: Mapping;
  readonly #values: Int32Array;
  readonly #valuesAddress: number;
  readonly #fd: Int32Array;
  readonly #step: Uint8Array;
  /** What epoll looks for on it. */
  readonly #watched: Uint8Array;
  /** Bytes of the request that have gone out. */
  readonly #sent: Int32Array;
  /** Slots that failed since the last poll, and why. */
  readonly #failedSlots: Int32Array;
  readonly #failedErrno: Uint8Array;
  #failedCount = 0;

  constructor(options: TransportOptions) {
    this.#epoll = new Epoll(mostEvents);
    this.#memory = allocate(64);
    this.#values = new Int32Array(this.#memory.buffer);
    this.#values[Value.yes] = 1;
    this.#values[Value.linger] = 1;
    this.#valuesAddress = Number(this.#memory.address);
    this.#buffers = options.buffers;
    this.#gathered = options.gathered;
    this.capacity = options.buffers.slots;
    this.#fd = new Int32Array(this.capacity).fill(-1);
    this.#step = new Uint8Array(this.capacity);
    this.#watched = new Uint8Array(this.capacity);
    this.#sent = new Int32Array(this.capacity);
    this.#failedSlots = new Int32Array(this.capacity);
    this.#failedErrno = new Uint8Array(this.capacity);
  }

  open(slot: number, connection: number): void {
    const buffers = this.#buffers;
    const { sourceCount, targetCount } = buffers;
    const target = Math.floor(connection / Math.max(1, sourceCount)) % targetCount;
    const family = buffers.targetFamily(target) === AF_INET6 ? 'ipv6' : 'ipv4';
    const fd = rawTcpSocket(family, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      this.#failLater(slot, lastErrno());
      return;
    }
    this.#fd[slot] = fd;
    this.#step[slot] = Step.connecting;
    if (sourceCount > 0 && !this.#bind(fd, connection % sourceCount)) {
      this.#failLater(slot, lastErrno());
      return;
    }
    const returned = connect(fd, buffers.address + buffers.targetAt(target), buffers.targetBytes(target));
    if (returned < 0 && lastErrno() !== EINPROGRESS) this.#failLater(slot, lastErrno());
    else {
      this.#watched[slot] = EPOLLOUT;
      this.#epoll.add(fd, EPOLLOUT, slot);
    }
  }

  send(slot: number): void {
    this.#sent[slot] = 0;
    this.#step[slot] = Step.sending;
    this.#sendMore(slot);
  }

  receive(slot: number): void {
    this.#step[slot] = Step.receiving;
  }

  close(slot: number, byReset: boolean): void {
    const fd = this.#fd[slot];
    if (fd < 0) return;
    if (byReset) rawSetOption(fd, SOL_SOCKET, SO_LINGER, this.#valuesAddress + Value.linger * 4, 8);
    this.#fd[slot] = -1;
    this.#step[slot] = Step.closed;
    closeDescriptor(fd);
  }

  cancel(slot: number): void {
    this.#failLater(slot, ECANCELED);
  }

  poll(waitUs: number, events: TransportEvents): void {
    const count = this.#epoll.waitMicroseconds(this.#failedCount > 0 ? 0 : waitUs);
    events.woke();
    for (let index = 0; index < count; index++) this.#advance(this.#epoll.data(index), events);
    // Those that fail while these are told are told by the next poll.
    const failures = this.#failedCount;
    for (let index = 0; index < failures; index++) {
      const slot = this.#failedSlots[index];
      this.close(slot, false);
      events.failed(slot, this.#failedErrno[slot]);
    }
    this.#failedSlots.copyWithin(0, failures, this.#failedCount);
    this.#failedCount -= failures;
  }

  notes(): Readonly<Record<string, string>> {
    return {};
  }

  destroy(): void {
    for (let slot = 0; slot < this.capacity; slot++) this.close(slot, false);
    this.#epoll.close();
    this.#memory.unmap();
  }

  #advance(slot: number, events: TransportEvents): void {
    switch (this.#step[slot]) {
      case Step.connecting: {
        const errno = this.#errorOf(this.#fd[slot]);
        if (errno !== 0) {
          this.#failLater(slot, errno);
          return;
        }
        events.connected(slot);
        this.#sent[slot] = 0;
        this.#step[slot] = Step.sending;
        this.#sendMore(slot);
        return;
      }
      case Step.sending:
        this.#sendMore(slot);
        return;
      case Step.receiving: {
        const { address, receiveAt, receiveBytes } = this.#buffers;
        const received = recv(this.#fd[slot], address + receiveAt[slot], receiveBytes[slot], 0);
        if (received >= 0) events.received(slot, received);
        else if (lastErrno() !== EAGAIN) this.#failLater(slot, lastErrno());
        return;
      }
    }
  }

  /** Sends what is left of the request; once all is out, waits for the answer. */
  #sendMore(slot: number): void {
    const total = this.#buffers.sendBytes[slot];
    while (this.#sent[slot] < total) {
      const sent = this.#sendPiece(slot, this.#sent[slot], total);
      if (sent >= 0) this.#sent[slot] += sent;
      else if (lastErrno() === EAGAIN) {
        this.#watch(slot, EPOLLOUT);
        return;
      } else {
        this.#failLater(slot, lastErrno());
        return;
      }
    }
    this.#step[slot] = Step.receiving;
    this.#watch(slot, EPOLLIN);
  }

  #sendPiece(slot: number, sent: number, total: number): number {
    const { address, ownAt, sendHigh, sendLow, sharedAt } = this.#buffers;
    const fd = this.#fd[slot];
    if (!this.#gathered)
      return send(fd, sendHigh[slot] * 2 ** 32 + (sendLow[slot] >>> 0) + sent, total - sent, MSG_NOSIGNAL);
    // Without a gathering call: the nonce, then the bytes that all slots share.
    if (sent < echoNonceBytes)
      return send(fd, address + ownAt[slot] + sent, echoNonceBytes - sent, MSG_NOSIGNAL | MSG_MORE);
    return send(fd, address + sharedAt + sent, total - sent, MSG_NOSIGNAL);
  }

  #watch(slot: number, events: number): void {
    if (this.#watched[slot] === events) return;
    this.#watched[slot] = events;
    this.#epoll.modify(this.#fd[slot], events, slot);
  }

  #bind(fd: number, source: number): boolean {
    rawSetOption(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, this.#valuesAddress + Value.yes * 4, 4);
    return (
      rawBind(
        fd,
        this.#buffers.address + this.#buffers.sourceAt(source),
        this.#buffers.sourceBytes(source),
      ) >= 0
    );
  }

  /** What became of a connection that was under way: an errno, or 0. */
  #errorOf(fd: number): number {
    this.#values[Value.answerBytes] = 4;
    const at = this.#valuesAddress;
    const returned = rawGetOption(
      fd,
      SOL_SOCKET,
      SO_ERROR,
      at + Value.answer * 4,
      at + Value.answerBytes * 4,
    );
    return returned < 0 ? lastErrno() : this.#values[Value.answer];
  }

  #failLater(slot: number, errno: number): void {
    if (this.#step[slot] === Step.failed) return;
    this.#step[slot] = Step.failed;
    this.#failedErrno[slot] = errno;
    this.#failedSlots[this.#failedCount++] = slot;
  }
}
