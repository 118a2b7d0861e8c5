/**
 * Runs a list of fuzz steps against a new stack, and looks after each: nothing throws, the stack's own invariants hold, no
 * segment has more than one bare answer and none that is a RST or damaged has any, what the application reads is what
 * was sent. At the end, everything is freed, and an honest client is served.
 */

import { type MemoryLink, memoryLinkPair } from '../../net/links/memory-link.ts';
import { Stack } from '../../net/stack.ts';
import { stackCounters } from '../../net/tcp/counters.ts';
import { ACCEPTED } from '../../net/tcp/events.ts';
import { State } from '../../net/tcp/states.ts';
import { Flag } from '../../net/wire/tcp.ts';
import { byteAt, FuzzPeer } from './fuzz-peer.ts';
import { type CallStep, flows, openedFlow, type SegmentStep, type Step } from './fuzz-steps.ts';
import { gaugesOf, heldBy } from './nothing-held.ts';
import { RawPeer, type ReceivedSegment } from './raw-peer.ts';

const stackAddress = 0xc612_0001;
const peerAddress = 0xc612_0002;
const frames = 64;
/** More segments than this within one wait are no retransmissions. */
const mostInWait = 20_000;
const { drops: dropNames, ...otherNames } = stackCounters();
const counterNames = [...Object.keys(otherNames), ...Object.keys(dropNames)];
const scratch = new Uint8Array(8_192).fill(0x5a);

/** What one list of steps came by: kinds of (states, segment, what was counted and answered, states after). */
export interface FuzzResult {
  readonly covered: ReadonlySet<string>;
  readonly states: ReadonlySet<number>;
}

/** @throws {Error} something does not hold; it says after which step. */
export function runSteps(steps: readonly Step[], seed: number): FuzzResult {
  const world = new FuzzWorld(seed);
  for (const [index, step] of steps.entries()) {
    try {
      world.take(step);
    } catch (cause) {
      throw new Error(`step ${index}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }
  world.end();
  return world;
}

class FuzzWorld implements FuzzResult {
  readonly covered = new Set<string>();
  readonly states = new Set<number>();
  readonly #near: MemoryLink;
  readonly #stack: Stack;
  readonly #raw: RawPeer;
  readonly #peer = new FuzzPeer(peerAddress, stackAddress);
  /** What the application has, and where in the peer's numbers its data may begin. */
  readonly #connections: { readonly id: number; starts: number[]; read: number }[] = [];
  #nowUs = 1_000_000;

  constructor(seed: number) {
    const [near, far] = memoryLinkPair({ frames });
    let word = seed;
    this.#near = near;
    this.#raw = new RawPeer(far, near.hardwareAddress);
    this.#stack = new Stack({
      link: near,
      addresses: Uint32Array.of(stackAddress),
      random: () => {
        word = (Math.imul(word, 0x0019_660d) + 0x3c6e_f35f) >>> 0;
        return word;
      },
      maxConnections: 6,
      backlog: 2,
      buffers: { smallBytes: 256, largeBytes: 4_096, memoryBytes: 32_768 },
      timers: { dataGiveUpMs: 120_000, keepAliveMs: 600_000 },
    });
    this.#stack.setNeighbour(peerAddress, far.hardwareAddress);
    this.#stack.listen(80);
  }

  take(step: Step): void {
    if (step.kind === 'segment') this.#send(step);
    else if (step.kind === 'call') this.#call(step);
    else this.#wait(step.us);
    this.#check();
  }

  /** All is closed, all is freed, and who comes then is served. */
  end(): void {
    for (const { id } of this.#connections.splice(0)) this.#stack.close(id);
    this.#flush();
    for (let round = 0; round < 4; round++) {
      this.#wait(600e6);
      for (const { id } of this.#connections.splice(0)) this.#stack.close(id);
    }
    this.#checkNothingHeld();
    this.#serveHonestClient();
    this.#wait(600e6);
    this.#checkNothingHeld();
  }

  #send(step: SegmentStep): void {
    const statesBefore = this.#states();
    const countersBefore = Float64Array.from(this.#counters());
    const segment = this.#peer.segment(step);
    const place = this.#peer.placeOf(step, segment);
    this.#raw.send(segment, step.damage === null ? undefined : (frame) => damage(frame, step.damage));
    this.#raw.link.flush(this.#nowUs);
    const answers = this.#turn();
    const fault = answerFault(step, answers);
    if (fault !== '') throw new Error(fault);
    const counters = this.#counters();
    const names = counterNames.filter((_, index) => counters[index] !== countersBefore[index]);
    // RFC 5961 3: what begins before RCV.NXT resets nothing, however long it is.
    const isOpening = statesBefore[State.synSent] !== '0';
    if (names.includes('resetsReceived') && !isOpening && place.startsWith('<'))
      throw new Error('a reset from before RCV.NXT is believed');
    const kind = `${step.flags} ${place} ${Math.sign(step.payloadBytes)} ${Math.sign(step.window)} ${step.options}`;
    const said = answers.map(({ flags, payload }) => `${flags}${payload.length > 0 ? '+' : ''}`);
    this.covered.add(`${statesBefore} | ${kind} | ${names.join()} | ${said.join()} | ${this.#states()}`);
  }

  #call({ call, which, bytes }: CallStep): void {
    const stack = this.#stack;
    if (call === 'listen') stack.listen(80);
    else if (call === 'unlisten') stack.unlisten(80);
    else if (call === 'connect') this.#connect();
    else if (this.#connections.length > 0) {
      const index = which % this.#connections.length;
      const { id } = this.#connections[index]!;
      if (call === 'read') this.#read(index, bytes);
      else if (call === 'write') stack.write(id, scratch, 0, bytes);
      else if (call === 'shutdown') stack.shutdown(id);
      else if (call === 'nagle') stack.setNagle(id, which % 2 === 0);
      else {
        if (call === 'close') stack.close(id);
        else stack.abort(id);
        this.#connections.splice(index, 1);
      }
    }
    this.#flush();
  }

  #connect(): void {
    const { localPort, peerPort } = flows[openedFlow];
    const id = this.#stack.connect(stackAddress, localPort, peerAddress, peerPort);
    if (id >= 0) this.#has(id, localPort, peerPort);
  }

  #has(id: number, localPort: number, peerPort: number): void {
    if (this.#connections.some((connection) => connection.id === id))
      throw new Error(`connection ${id} was handed out twice`);
    // Data may begin behind a SYN that is still to come.
    const starts =
      localPort === flows[openedFlow].localPort ? [] : [...this.#peer.firstsOf(localPort, peerPort)];
    this.#connections.push({ id, starts, read: 0 });
  }

  #read(index: number, bytes: number): void {
    const connection = this.#connections[index]!;
    const stack = this.#stack;
    const { id } = connection;
    const count = stack.read(id, scratch, 0, bytes);
    if (count < 0 || count > bytes) throw new Error(`read gave ${count} of ${bytes} bytes`);
    if (count === 0) return;
    const firsts =
      connection.read === 0
        ? this.#peer.firstsOf(stack.localPort(id), stack.remotePort(id))
        : connection.starts;
    connection.starts = [...firsts].filter((first) => isStream(first + 1 + connection.read, count));
    if (connection.starts.length === 0) throw new Error(`${count} bytes read that were not sent there`);
    connection.read += count;
    scratch.fill(0x5a);
  }

  #wait(us: number): void {
    const endUs = this.#nowUs + us;
    let answers = 0;
    for (;;) {
      const dueUs = this.#stack.nextDueUs();
      if (dueUs > endUs) break;
      this.#nowUs = Math.max(dueUs, this.#nowUs + 1);
      answers += this.#turn().length;
      if (answers > mostInWait) throw new Error(`${answers} segments while nothing came`);
    }
    this.#nowUs = Math.max(endUs, this.#nowUs);
    this.#turn();
  }

  /** A turn of the stack, whose application takes what it is told of. @returns what the stack sends. */
  #turn(): ReceivedSegment[] {
    const stack = this.#stack;
    stack.poll(this.#nowUs);
    const count = stack.takeEvents();
    for (let index = 0; index < count; index++) {
      const id = stack.events.id[index]!;
      if ((stack.events.mask[index]! & ACCEPTED) !== 0)
        this.#has(id, stack.localPort(id), stack.remotePort(id));
      else if (!this.#connections.some((connection) => connection.id === id))
        throw new Error(`an event for connection ${id}, which is not the application's`);
    }
    return this.#flush();
  }

  #flush(): ReceivedSegment[] {
    this.#stack.flush();
    const segments = this.#raw.received(this.#nowUs);
    for (const segment of segments) this.#peer.hears(segment);
    return segments;
  }

  #check(): void {
    const fault = this.#stack.fault();
    if (fault !== '') throw new Error(fault);
    const { states, smallBuffers, largeBuffers, timers, halfOpen } = gaugesOf(this.#stack);
    for (const count of [...states, smallBuffers, largeBuffers, timers, halfOpen])
      if (count < 0) throw new Error(`a gauge is ${count}`);
    for (const [state, count] of states.entries()) if (count > 0) this.states.add(state);
  }

  #checkNothingHeld(): void {
    this.#check();
    const held = heldBy(this.#stack);
    if (this.#near.freeFrames !== frames) held.push(`frames: ${frames - this.#near.freeFrames}`);
    if (held.length > 0) throw new Error(`at the end there is still ${held.join(', ')}`);
  }

  /** How many connections are in each state: none, one, or more. */
  #states(): string {
    return Array.from(gaugesOf(this.#stack).states, (count) => Math.min(count, 2)).join('');
  }

  /** In the order of `counterNames`. */
  #counters(): number[] {
    const { drops, ...others } = this.#stack.counters;
    return [...Object.values(others), ...Object.values(drops)];
  }

  /** A handshake, a request, an answer, a FIN each way. */
  #serveHonestClient(): void {
    const stack = this.#stack;
    stack.listen(80);
    const ports = { source: peerAddress, destination: stackAddress, sourcePort: 4_321, destinationPort: 80 };
    const exchange = (seq: number, ack: number, flags: number, payload: Uint8Array): ReceivedSegment[] => {
      this.#raw.send({ ...ports, seq, ack, flags, window: 8_000, payload });
      this.#raw.link.flush(this.#nowUs);
      return this.#turn();
    };
    const none = new Uint8Array(0);
    const [synAck] = exchange(100, 0, Flag.syn, none);
    if (synAck?.flags !== (Flag.syn | Flag.ack)) throw new Error('an honest client gets no SYN+ACK');
    exchange(101, synAck.seq + 1, Flag.ack, Uint8Array.of(1, 2, 3));
    const connection = this.#connections.at(-1);
    if (connection === undefined || stack.read(connection.id, scratch, 0, 100) !== 3)
      throw new Error('a request of an honest client is not read');
    stack.write(connection.id, scratch, 0, 5);
    const [answer] = this.#flush();
    if (answer?.payload.length !== 5) throw new Error('an honest client gets no answer');
    exchange(104, synAck.seq + 6, Flag.ack | Flag.fin, none);
    stack.close(connection.id);
    this.#connections.pop();
    const [fin] = this.#flush();
    if (fin === undefined || (fin.flags & Flag.fin) === 0) throw new Error('an honest client gets no FIN');
    exchange(105, synAck.seq + 7, Flag.ack, none);
    scratch.fill(0x5a);
  }
}

/** Of what one segment brought about. @returns empty: it is allowed. */
function answerFault(step: SegmentStep, answers: readonly ReceivedSegment[]): string {
  const bare = answers.filter(({ payload, flags }) => payload.length === 0 && (flags & Flag.fin) === 0);
  if (bare.length > 1) return `${bare.length} bare answers to one segment`;
  if (step.damage !== null && answers.length > 0) return `an answer to a segment with a bad ${step.damage}`;
  if ((step.flags & Flag.rst) !== 0 && bare.some(({ flags }) => (flags & Flag.rst) !== 0))
    return 'a RST answers a RST';
  return '';
}

function isStream(seq: number, count: number): boolean {
  for (let index = 0; index < count; index++) if (scratch[index] !== byteAt((seq + index) | 0)) return false;
  return true;
}

const ipLengthAt = 16;
const dataOffsetAt = 46;
const checksumAt = 50;

function damage(frame: Uint8Array, kind: SegmentStep['damage']): void {
  if (kind === 'checksum') frame[checksumAt]! ^= 0x40;
  else if (kind === 'data offset') frame[dataOffsetAt] = 0x10;
  else frame[ipLengthAt]! ^= 0x80;
}
