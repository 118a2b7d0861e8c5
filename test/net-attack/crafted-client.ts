/**
 * Clients whose every segment is made by hand, from an address that no kernel has: what they are answered can be told
 * from anything else, and that they are answered nothing is known without waiting.
 */

import assert from 'node:assert/strict';
import { type CraftedFrame, type HeardFrame, type Option, type ScapyPeer, until } from './scapy-peer.ts';

export interface Target {
  readonly address: string;
  readonly port: number;
  /** As `aa:bb:…`. */
  readonly hardware: string;
}

/** Of a crafted segment; the client's own numbers where nothing is said. */
export interface Crafting {
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly options?: readonly Option[];
  readonly data?: Buffer;
  /** Further fields, by scapy's names. */
  readonly tcp?: Readonly<Record<string, number>>;
  readonly ip?: Readonly<Record<string, string | number>>;
  readonly hardware?: string;
}

const sequence = (number: number): number => number >>> 0;

/** All crafted clients of one target; each has a port of its own. */
export class Attack {
  readonly peer: ScapyPeer;
  readonly target: Target;
  readonly #source: string;
  #lastPort = 20_000;
  #fences = 0;

  /** @param source an address that no kernel has. */
  constructor(peer: ScapyPeer, target: Target, source: string) {
    this.peer = peer;
    this.target = target;
    this.#source = source;
  }

  client(options: { readonly seq?: number; readonly toPort?: number } = {}): CraftedClient {
    this.#lastPort++;
    return new CraftedClient(this, {
      source: this.#source,
      port: this.#lastPort,
      seq: options.seq ?? this.#lastPort * 65_537,
      toPort: options.toPort ?? this.target.port,
    });
  }

  async established(crafting: Crafting = {}): Promise<CraftedClient> {
    const client = this.client();
    await client.open(crafting);
    return client;
  }

  /**
   * Resolves when what was sent before has been handled, and what it was answered has been heard: an ACK out of the blue
   * is answered by a RST with its number. Twice, because ACKs may leave behind resets of the same turn.
   */
  async passed(): Promise<void> {
    for (let turn = 0; turn < 2; turn++) {
      const number = 0x7000_0000 + ++this.#fences;
      const fence = this.client();
      fence.send({ flags: 'A', ack: number });
      await until(() => fence.heard.some(({ tcp }) => tcp.seq === number), 'the answer to a stray ACK');
    }
  }
}

export class CraftedClient {
  readonly port: number;
  /** Next to be sent. */
  seq: number;
  /** Next to be received. */
  ack = 0;
  readonly #attack: Attack;
  readonly #source: string;
  readonly #toPort: number;
  #taken = 0;

  constructor(
    attack: Attack,
    { source, port, seq, toPort }: { source: string; port: number; seq: number; toPort: number },
  ) {
    this.#attack = attack;
    this.#source = source;
    this.port = port;
    this.seq = sequence(seq);
    this.#toPort = toPort;
  }

  /** All that was sent to this client, whose checksums held. */
  get heard(): readonly HeardFrame[] {
    const all = this.#attack.peer.heard.filter(
      ({ ip, tcp }) => tcp.dport === this.port && ip.dst === this.#source,
    );
    if (this.#toPort === this.#attack.target.port)
      for (const frame of all) assert.ok(frame.sound, `checksums of ${JSON.stringify(frame)}`);
    return all;
  }

  /** What was heard, as `SA seq ack bytes`, numbers relative to those of the client. */
  get trace(): string[] {
    return this.heard.map(
      ({ tcp, data }) => `${tcp.flags} ${tcp.seq - this.ack} ${tcp.ack - this.seq} ${data.length / 2}`,
    );
  }

  async untilHeard(count: number): Promise<void> {
    await until(() => this.heard.length >= count, `${count} segments`);
  }

  /** Resolves when so many bytes have come, none of them acknowledged here. */
  async untilSent(count: number): Promise<void> {
    await until(() => this.text.length >= count, `${count} bytes`);
  }

  get fins(): readonly HeardFrame[] {
    return this.heard.filter(({ tcp }) => tcp.flags.includes('F'));
  }

  async untilFin(times = 1): Promise<void> {
    await until(() => this.fins.length >= times, `${times} FINs`);
  }

  async untilReset(): Promise<void> {
    await until(() => this.heard.some(({ tcp }) => tcp.flags.includes('R')), 'RST');
  }

  frame(crafting: Crafting = {}): CraftedFrame {
    const { target } = this.#attack;
    const flags = crafting.flags ?? 'A';
    return {
      ether: { dst: crafting.hardware ?? target.hardware },
      ip: { src: this.#source, dst: target.address, ...crafting.ip },
      tcp: {
        sport: this.port,
        dport: this.#toPort,
        flags,
        seq: sequence(crafting.seq ?? this.seq),
        ack: sequence(crafting.ack ?? (flags.includes('A') ? this.ack : 0)),
        window: crafting.window ?? 65_535,
        options: crafting.options ?? [],
        ...crafting.tcp,
      },
      data: crafting.data?.toString('hex') ?? '',
    };
  }

  send(...craftings: readonly Crafting[]): void {
    this.#attack.peer.send(craftings.map((crafting) => this.frame(crafting)));
  }

  /** What is answered at once; empty: silence. */
  async answersTo(...craftings: readonly Crafting[]): Promise<readonly HeardFrame[]> {
    const before = this.heard.length;
    this.send(...craftings);
    await this.#attack.passed();
    return this.heard.slice(before);
  }

  /** Half a handshake. @returns the SYN+ACK. */
  async halfOpen(crafting: Crafting = {}): Promise<HeardFrame> {
    this.send({ flags: 'S', options: [['MSS', 1460]], ...crafting });
    await until(() => this.heard.length > 0, 'SYN+ACK');
    const [answer] = this.heard as [HeardFrame];
    assert.equal(answer.tcp.flags, 'SA');
    assert.equal(answer.tcp.ack, sequence(this.seq + 1));
    this.seq = sequence(this.seq + 1);
    this.ack = sequence(answer.tcp.seq + 1);
    this.#taken = this.ack;
    return answer;
  }

  async open(crafting: Crafting = {}): Promise<HeardFrame> {
    const answer = await this.halfOpen(crafting);
    this.send({ flags: 'A' });
    await this.#attack.passed();
    return answer;
  }

  /** The bytes that came in order since the handshake, whichever way they were cut. */
  get text(): Buffer {
    const bytes = new Map<number, number>();
    for (const { tcp, data } of this.heard)
      for (const [index, byte] of Buffer.from(data, 'hex').entries())
        bytes.set(sequence(tcp.seq + index - this.#taken), byte);
    const text: number[] = [];
    for (let at = 0; bytes.has(at); at++) text.push(bytes.get(at) as number);
    return Buffer.from(text);
  }

  /** Resolves when so many bytes have come in all, and what came is acknowledged. */
  async untilText(count: number, crafting: Crafting = {}): Promise<Buffer> {
    await until(() => {
      const next = sequence(this.#taken + this.text.length);
      if (next !== this.ack) {
        this.ack = next;
        this.send({ flags: 'A', ...crafting });
      }
      return this.text.length >= count;
    }, `${count} bytes`);
    // What was sent again meanwhile is no answer to what comes next.
    await this.#attack.passed();
    return this.text;
  }
}
