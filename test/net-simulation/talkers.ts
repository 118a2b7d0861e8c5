/**
 * The application of a host in a simulation: holds its ends of conversations, both those it opens and those that come,
 * and gives each its turns. Which conversation a peer means is told by the peer's address and port.
 */

import type { Stack } from '../../net/stack.ts';
import { ACCEPTED } from '../../net/tcp/events.ts';
import { ConversationEnd, type EndPlan } from './conversation.ts';
import type { Application } from './simulated-network.ts';

export interface Opening {
  readonly atUs: number;
  readonly localAddress: number;
  readonly localPort: number;
  readonly remoteAddress: number;
  readonly remotePort: number;
  readonly plan: EndPlan;
}

const EADDRINUSE = 98;
/** A flow that is still remembered, in TIME-WAIT, is asked for again after this. */
const tryAgainUs = 100_000;

export class Talkers implements Application {
  /** All that there ever were, in the order they began. */
  readonly ends: ConversationEnd[] = [];
  /** What it opens itself, the first one first. */
  readonly #openings: Opening[] = [];
  readonly #expected = new Map<string, EndPlan>();
  readonly #current = new Map<number, ConversationEnd>();
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Conversations that are under way or have not begun. */
  get left(): number {
    return this.#openings.length + this.#expected.size + this.#current.size;
  }

  /** It will open a conversation. */
  open(opening: Opening): void {
    this.#openings.push(opening);
    this.#openings.sort((one, other) => one.atUs - other.atUs);
  }

  /** Conversations that have begun and not ended. */
  get openCount(): number {
    return this.#current.size;
  }

  /** A peer will open a conversation from this address and port. */
  expect(remoteAddress: number, remotePort: number, plan: EndPlan): void {
    this.#expected.set(`${remoteAddress}:${remotePort}`, plan);
  }

  turn(stack: Stack, events: number, nowUs: number): void {
    while (this.#openings.length > 0 && this.#openings[0]!.atUs <= nowUs) this.#open(stack, nowUs);
    for (let index = 0; index < events; index++) {
      const id = stack.events.id[index]!;
      const mask = stack.events.mask[index]!;
      if ((mask & ACCEPTED) !== 0) this.#accept(stack, id);
      const end = this.#current.get(id);
      if (end === undefined) throw new Error(`An event for connection ${id}, which is not the application's`);
      this.#turn(stack, id, end, mask, nowUs);
    }
    for (const [id, end] of this.#current) if (end.dueUs <= nowUs) this.#turn(stack, id, end, 0, nowUs);
  }

  dueUs(): number {
    let dueUs = this.#openings[0]?.atUs ?? Number.POSITIVE_INFINITY;
    for (const end of this.#current.values()) dueUs = Math.min(dueUs, end.dueUs);
    return dueUs;
  }

  #turn(stack: Stack, id: number, end: ConversationEnd, mask: number, nowUs: number): void {
    end.turn(stack, mask, nowUs);
    if (end.isClosed) this.#current.delete(id);
  }

  #open(stack: Stack, nowUs: number): void {
    const opening = this.#openings.shift()!;
    const { localAddress, localPort, remoteAddress, remotePort, plan } = opening;
    const id = stack.connect(localAddress, localPort, remoteAddress, remotePort);
    if (id >= 0) this.#begin(id, plan);
    else if (id === -EADDRINUSE) this.open({ ...opening, atUs: nowUs + tryAgainUs });
    else throw new Error(`Cannot open a conversation: errno ${-id}`);
  }

  #accept(stack: Stack, id: number): void {
    const peer = `${stack.remoteAddress(id)}:${stack.remotePort(id)}`;
    const plan = this.#expected.get(peer);
    if (plan === undefined)
      throw new Error(`Connection ${id} was accepted from ${peer}, which was not expected`);
    this.#expected.delete(peer);
    this.#begin(id, plan);
  }

  #begin(id: number, plan: EndPlan): void {
    if (this.#current.has(id)) throw new Error(`Connection ${id} was handed out twice`);
    const end = new ConversationEnd(id, plan, this.#random);
    this.#current.set(id, end);
    this.ends.push(end);
  }
}
