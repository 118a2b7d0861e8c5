/** A client on a socket of the kernel's: keeps what came, and says how it ended. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { port, portAddress } from './port-process.ts';

const patienceMs = 20_000;

export class KernelClient {
  readonly socket: Socket;
  /** `end`: the peer's FIN came; or the code of an error. */
  how = 'open';
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
    });
    socket.on('end', () => {
      this.how = 'end';
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.how = error.code ?? error.message;
    });
  }

  /** To the port, from a port of the kernel's choice, or this one. Half a connection stays open. */
  static async connected(t: TestContext, localPort = 0): Promise<KernelClient> {
    const socket = connect({ host: portAddress, port, localPort, allowHalfOpen: true });
    t.after(() => socket.destroy());
    const client = new KernelClient(socket);
    await once(socket, 'connect');
    return client;
  }

  get port(): number {
    return this.socket.localPort ?? 0;
  }

  get received(): Buffer {
    return this.#bytes;
  }

  async until(count: number): Promise<Buffer> {
    await this.#wait(() => this.#bytes.length >= count, `${count} bytes`);
    return this.#bytes;
  }

  /** @returns how it ended. */
  async untilEnd(): Promise<string> {
    await this.#wait(() => this.how !== 'open', 'the end');
    return this.how;
  }

  /** Writes until it is told that there is no connection any more. */
  async untilBroken(): Promise<void> {
    const brokenPipe = /ECONNRESET|EPIPE/;
    await this.#wait(() => {
      if (!brokenPipe.test(this.how)) this.socket.write('x');
      return brokenPipe.test(this.how);
    }, 'reset');
  }

  async #wait(isSo: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!isSo()) {
      assert.ok(performance.now() < deadline, `no ${what}: ${this.#bytes.length} bytes came (${this.how})`);
      await sleep(1);
    }
  }
}
