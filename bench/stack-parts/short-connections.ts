/**
 * Two stacks over a link in memory, on one core: a client that keeps many connections going, each open, one request of
 * 64 bytes, one response of 64 bytes, closed by FINs; and a server that answers and closes.
 *
 *   SYN ─ SYN+ACK ─ ACK, request ─ response, FIN ─ FIN, ACK ─ ACK: six segments, the server waits in TIME-WAIT
 */

import { seededRandom } from '../../measurement/random.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { Stack } from '../../net/stack.ts';
import { CONNECTED, ENDED, FAILED, READABLE } from '../../net/tcp/events.ts';
import type { Parts } from '../../net/tcp/settings.ts';

const clientAddress = 0xc612_0001;
const serverAddress = 0xc612_0002;
const port = 80;
const firstPort = 1_024;
const ports = 64_000;
const messageBytes = 64;
/** Short, so that TIME-WAIT holds no more than the table: at 1,000,000/s, 5,000 connections. */
const timeWaitMs = 5;
const maxConnections = 8_192;

export interface ShortConnectionsOptions {
  readonly concurrency: number;
  readonly parts: Partial<Parts>;
  /** False: the link leaves them out. */
  readonly checksums: boolean;
  /** Called once a turn. */
  readonly nowUs: () => number;
}

export class ShortConnections {
  completed = 0;
  failed = 0;
  readonly client: Stack;
  readonly server: Stack;
  readonly #nowUs: () => number;
  readonly #request = new Uint8Array(messageBytes).fill(0x51);
  readonly #response = new Uint8Array(messageBytes).fill(0x52);
  readonly #buffer = new Uint8Array(2_048);
  #toOpen: number;
  #nextPort = 0;

  constructor(options: ShortConnectionsOptions) {
    const { concurrency, parts, checksums } = options;
    const random = seededWords(1);
    const [there, here] = memoryLinkPair({ frames: 8 * concurrency, checksums });
    const shared = { random, parts, maxConnections, timers: { timeWaitMs }, batch: 256 };
    this.client = new Stack({ ...shared, link: there, addresses: Uint32Array.of(clientAddress) });
    this.server = new Stack({ ...shared, link: here, addresses: Uint32Array.of(serverAddress) });
    this.client.setNeighbour(serverAddress, here.hardwareAddress);
    this.server.listen(port);
    this.#nowUs = options.nowUs;
    this.#toOpen = concurrency;
  }

  /** Until `count` more have completed. */
  run(count: number): void {
    const target = this.completed + count;
    while (this.completed < target) {
      const nowUs = this.#nowUs();
      this.#turnClient(nowUs);
      this.#turnServer(nowUs);
    }
  }

  #turnClient(nowUs: number): void {
    const { client } = this;
    client.poll(nowUs);
    const count = client.takeEvents();
    const { id, mask } = client.events;
    for (let index = 0; index < count; index++) this.#advance(id[index], mask[index]);
    for (; this.#toOpen > 0; this.#toOpen--) {
      const localPort = firstPort + this.#nextPort;
      if (++this.#nextPort === ports) this.#nextPort = 0;
      if (client.connect(clientAddress, localPort, serverAddress, port) < 0) break;
    }
    client.flush();
  }

  #advance(id: number, mask: number): void {
    const { client } = this;
    if ((mask & FAILED) !== 0) {
      this.failed++;
      this.#toOpen++;
      client.close(id);
      return;
    }
    if ((mask & CONNECTED) !== 0) client.write(id, this.#request, 0, messageBytes);
    if ((mask & READABLE) !== 0) client.read(id, this.#buffer, 0, this.#buffer.length);
    if ((mask & ENDED) === 0) return;
    client.close(id);
    this.completed++;
    this.#toOpen++;
  }

  #turnServer(nowUs: number): void {
    const { server } = this;
    server.poll(nowUs);
    const count = server.takeEvents();
    const { id, mask } = server.events;
    for (let index = 0; index < count; index++) {
      const connection = id[index];
      if ((mask[index] & FAILED) !== 0) server.close(connection);
      else if ((mask[index] & READABLE) !== 0) {
        const read = server.read(connection, this.#buffer, 0, this.#buffer.length);
        if (read !== messageBytes) this.failed++;
        server.write(connection, this.#response, 0, messageBytes);
        server.close(connection);
      }
    }
    server.flush();
  }
}

function seededWords(seed: number): () => number {
  const random = seededRandom(seed);
  return () => Math.floor(random() * 2 ** 32);
}
