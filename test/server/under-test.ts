/** The vocabulary of the tests of servers: a server to be had in a line, clients that read to the end, a namespace. */

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leaveChecksums } from '../../linux/device-settings.ts';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { patternBytes } from '../../protocol/traffic.ts';
import { launchServer, type RunningServer, type ServerSpec } from '../../server-under-test/launch.ts';

export const isRoot = process.getuid?.() === 0;

export function specOf(changes: Partial<ServerSpec> = {}): ServerSpec {
  return {
    variant: 'single-queue',
    application: 'http',
    messages: 1,
    requestBytes: 64,
    responseBytes: 64,
    close: 'client-fin',
    cores: [0, 1],
    namespace: null,
    addresses: ['127.0.0.1'],
    port: 0,
    readyMs: 5_000,
    ...changes,
  };
}

/** A server that is gone when the test is over. */
export async function runningServer(
  context: TestContext,
  changes: Partial<ServerSpec> = {},
): Promise<RunningServer> {
  const server = await launchServer(specOf(changes));
  context.after(() => server.kill());
  return server;
}

/** Whether a program can be run. */
export function installed(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** A client that keeps what came. */
export class Client {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  /** "end", or an error's code. */
  how = 'open';
  #bytes = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
    });
    this.ended = new Promise((resolve) => {
      socket.on('end', () => {
        this.how = 'end';
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        this.how = error.code ?? error.message;
      });
      socket.on('close', () => resolve());
    });
  }

  static async to(port: number, host = '127.0.0.1'): Promise<Client> {
    const socket = connect({ host, port, allowHalfOpen: true });
    const client = new Client(socket);
    await once(socket, 'connect');
    return client;
  }

  get received(): Buffer {
    return this.#bytes;
  }

  get text(): string {
    return this.#bytes.toString('latin1');
  }

  send(bytes: Uint8Array | string): this {
    this.socket.write(bytes);
    return this;
  }

  /** Resolves when `count` bytes have come in all. */
  async until(count: number, limitMs = 5_000): Promise<Buffer> {
    const deadline = performance.now() + limitMs;
    while (this.#bytes.length < count) {
      if (performance.now() > deadline || this.socket.destroyed)
        throw new Error(`Cannot read ${count} bytes: ${this.#bytes.length} came (${this.how})`);
      await sleep(1);
    }
    return this.#bytes;
  }

  /** Resolves when the server has ended its side; ends ours too. */
  async untilEnd(limitMs = 5_000): Promise<Buffer> {
    const deadline = performance.now() + limitMs;
    while (this.how === 'open') {
      if (performance.now() > deadline)
        throw new Error(`Cannot wait longer for the end: ${this.#bytes.length} bytes came`);
      await sleep(1);
    }
    this.socket.end();
    this.socket.destroy();
    await this.ended;
    return this.#bytes;
  }

  close(): void {
    this.socket.destroy();
  }
}

/** What the server should say to an echo request. */
export function echoed(request: Uint8Array, responseBytes: number): Buffer {
  return Buffer.alloc(responseBytes, request);
}

/** A request of echo, unlike that of any other connection. */
export function echoRequest(requestBytes: number, nonce: number): Buffer {
  const bytes = Buffer.alloc(requestBytes);
  for (let index = 0; index < requestBytes; index++) bytes[index] = (nonce * 31 + index * 7) & 255;
  return bytes;
}

export function parsedResponse(bytes: Buffer): { status: number; head: string; body: Buffer } {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, end).toString('latin1');
  return { status: Number(head.split(' ')[1]), head, body: bytes.subarray(end + 4) };
}

export const pattern = (length: number): Buffer => Buffer.from(patternBytes(length));

/** Whether a process is there and is not a zombie. */
export function isAlive(pid: number): boolean {
  const state = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).stdout.trim();
  return state !== '' && !state.startsWith('Z');
}

/** Two network namespaces joined by a veth pair; 198.18.77.1 is the clients', 198.18.77.2 and 3 the servers'. */
export interface Namespaces {
  readonly clientPath: string;
  readonly serverPath: string;
  readonly serverAddress: string;
  readonly serverAddresses: readonly string[];
  /** Runs a program on the clients' side. */
  client(program: string, ...args: string[]): string;
  /** Runs a program on the servers' side. */
  server(program: string, ...args: string[]): string;
  close(): void;
}

/** Gone when the test is over. */
export async function namespaces(context: TestContext): Promise<Namespaces> {
  const opened = await openNamespaces();
  context.after(() => opened.close());
  return opened;
}

export async function openNamespaces(): Promise<Namespaces> {
  const holders: ChildProcess[] = [];
  const hold = async (): Promise<ChildProcess> => {
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec sleep 600'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    holders.push(holder);
    if (holder.stdout !== null) await once(holder.stdout, 'data');
    return holder;
  };
  const client = await hold();
  const server = await hold();
  const inside = (holder: ChildProcess, ...args: string[]): string =>
    execFileSync('nsenter', [`--net=/proc/${holder.pid}/ns/net`, ...args], { encoding: 'utf8' });
  const queues = ['numtxqueues', '2', 'numrxqueues', '2'];
  inside(
    client,
    ...['ip', 'link', 'add', 'load', ...queues, 'type', 'veth'],
    ...['peer', 'name', 'serve', ...queues, 'netns', String(server.pid)],
  );
  inside(client, 'ip', 'address', 'add', '198.18.77.1/24', 'dev', 'load');
  const serverAddresses = ['198.18.77.2', '198.18.77.3'];
  for (const address of serverAddresses)
    inside(server, 'ip', 'address', 'add', `${address}/24`, 'dev', 'serve');
  for (const [holder, device] of [
    [client, 'load'],
    [server, 'serve'],
  ] as const) {
    inside(holder, 'ip', 'link', 'set', 'lo', 'up');
    inside(holder, 'ip', 'link', 'set', device, 'up');
  }
  const clientPath = `/proc/${client.pid}/ns/net`;
  // Who reads frames on the other end finds checksums in them, and a connection's on one queue.
  within(clientPath, () => leaveChecksums('load', false));
  inside(client, 'sh', '-c', 'echo 0 > /proc/sys/net/core/txrehash || true');
  return {
    clientPath,
    serverPath: `/proc/${server.pid}/ns/net`,
    serverAddress: '198.18.77.2',
    serverAddresses,
    client: (program, ...args) => inside(client, program, ...args),
    server: (program, ...args) => inside(server, program, ...args),
    close: () => {
      for (const holder of holders) holder.kill('SIGKILL');
    },
  };
}

/** Does `work`, which must not wait, with this thread in another network namespace. */
export function within<Result>(path: string, work: () => Result): Result {
  const home = openSync('/proc/thread-self/ns/net', 'r');
  enterNetworkNamespace(path);
  try {
    return work();
  } finally {
    enterNetworkNamespace(`/proc/self/fd/${home}`);
    closeSync(home);
  }
}
