/**
 * A peer on sockets of the kernel's, in a process and a namespace of its own. Its job comes as JSON on its command line:
 *
 *   transfer   each connection carries a known stream each way, every byte of it checked
 *   short      many connections, one after the other in each of `concurrency` places: a request, its echo, the end
 *   fetch      the same against an HTTP server: `GET /BYTES`, and how long each took
 *
 * As a server it says `listening` and serves until it is killed; as a client it says what came of it, as JSON.
 */

import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { patternBytes } from '../../protocol/traffic.ts';
import { fillFromStream, firstWrongByte } from '../net-simulation/byte-stream.ts';

export interface TransferJob {
  readonly kind: 'transfer';
  readonly role: 'client' | 'server';
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  /** Of each connection, each way. */
  readonly bytes: number;
}

export interface ShortJob {
  readonly kind: 'short';
  readonly role: 'client' | 'server';
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  readonly concurrency: number;
  /** A client's own addresses, used in turn. */
  readonly sources: readonly string[];
  readonly requestBytes: number;
}

export interface FetchJob {
  readonly kind: 'fetch';
  readonly role: 'client';
  readonly address: string;
  readonly port: number;
  readonly connections: number;
  readonly concurrency: number;
  readonly bytes: number;
}

export interface TransferResult {
  /** Bytes that came, all connections together. */
  readonly received: number;
  /** What went wrong, once each. */
  readonly troubles: readonly string[];
}

export interface ShortResult {
  readonly completed: number;
  /** How often each thing went wrong. */
  readonly troubles: Readonly<Record<string, number>>;
}

export interface FetchResult {
  /** From connect to the last byte, sorted. */
  readonly durationsMs: readonly number[];
  readonly troubles: Readonly<Record<string, number>>;
}

/** The stream that clients send, and the one that servers do. */
export const clientStream = 1;
export const serverStream = 2;

const chunkBytes = 262_144;

if (process.argv[2] !== undefined)
  await work(JSON.parse(process.argv[2]) as TransferJob | ShortJob | FetchJob);

async function work(job: TransferJob | ShortJob | FetchJob): Promise<void> {
  if (job.kind === 'fetch') process.stdout.write(JSON.stringify(await fetchAll(job)));
  else if (job.role === 'server') {
    const serve = job.kind === 'transfer' ? (socket: Socket) => void transfer(socket, job) : echo;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      socket.on('error', () => {});
      serve(socket);
    });
    server.listen({ host: job.address, port: job.port, backlog: 4096 });
    await once(server, 'listening');
    process.stdout.write('listening\n');
  } else if (job.kind === 'transfer') process.stdout.write(JSON.stringify(await transferAll(job)));
  else process.stdout.write(JSON.stringify(await connectAll(job)));
}

async function transferAll(job: TransferJob): Promise<TransferResult> {
  const troubles = new Set<string>();
  const one = async (): Promise<number> => {
    const socket = connect({ host: job.address, port: job.port, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
      return await transfer(socket, job);
    } catch (error) {
      troubles.add(String(error));
      return 0;
    }
  };
  const counts = await Promise.all(Array.from({ length: job.connections }, one));
  return { received: counts.reduce((sum, count) => sum + count, 0), troubles: [...troubles] };
}

/** Sends one stream, and reads the other to its end. @returns bytes that came. @throws when one of them is wrong. */
async function transfer(socket: Socket, { role, bytes }: TransferJob): Promise<number> {
  const [out, back] = role === 'client' ? [clientStream, serverStream] : [serverStream, clientStream];
  let received = 0;
  socket.on('data', (chunk: Buffer) => {
    const wrong = firstWrongByte(chunk, chunk.length, back, received);
    if (wrong >= 0) socket.destroy(new Error(`byte ${received + wrong} of stream ${back} is wrong`));
    received += chunk.length;
  });
  const closed = once(socket, 'close');
  await Promise.all([send(socket, out, bytes), closed]);
  if (received !== bytes) throw new Error(`${received} bytes of stream ${back} came, wanted ${bytes}`);
  return received;
}

async function send(socket: Socket, stream: number, bytes: number): Promise<void> {
  for (let sent = 0; sent < bytes; sent += chunkBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, bytes - sent));
    fillFromStream(chunk, chunk.length, stream, sent);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
}

async function connectAll(job: ShortJob): Promise<ShortResult> {
  const troubles: Record<string, number> = {};
  let completed = 0;
  await inPlaces(job, async (number) => {
    const trouble = await converse(job, number);
    if (trouble === null) completed++;
    else troubles[trouble] = (troubles[trouble] ?? 0) + 1;
  });
  return { completed, troubles };
}

async function fetchAll(job: FetchJob): Promise<FetchResult> {
  const troubles: Record<string, number> = {};
  const durationsMs: number[] = [];
  await inPlaces(job, async () => {
    const startedMs = performance.now();
    const trouble = await fetchPage(job);
    if (trouble === null) durationsMs.push(performance.now() - startedMs);
    else troubles[trouble] = (troubles[trouble] ?? 0) + 1;
  });
  return { durationsMs: durationsMs.sort((one, other) => one - other), troubles };
}

/** Does `work` for each number, `concurrency` of them at a time. */
async function inPlaces(
  { connections, concurrency }: { readonly connections: number; readonly concurrency: number },
  work: (number: number) => Promise<void>,
): Promise<void> {
  let begun = 0;
  const place = async (): Promise<void> => {
    while (begun < connections) await work(begun++);
  };
  await Promise.all(Array.from({ length: concurrency }, place));
}

/** @returns what went wrong; null: nothing. */
function fetchPage({ address, port, bytes }: FetchJob): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, noDelay: true });
    const chunks: Buffer[] = [];
    let trouble: string | null = null;
    socket.write(`GET /${bytes} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      trouble = `${error.syscall} ${error.code}`;
    });
    socket.on('close', () => {
      const all = Buffer.concat(chunks);
      const body = all.subarray(all.indexOf('\r\n\r\n') + 4);
      resolve(trouble ?? (body.equals(patternBytes(bytes)) ? null : 'not the page'));
    });
  });
}

/** One connection. @returns what went wrong; null: nothing. */
function converse(job: ShortJob, number: number): Promise<string | null> {
  return new Promise((resolve) => {
    const localAddress = job.sources[number % job.sources.length] ?? job.sources[0];
    const socket = connect({
      host: job.address,
      port: job.port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const request = Buffer.alloc(job.requestBytes);
    fillFromStream(request, request.length, clientStream, number);
    let received = 0;
    let trouble: string | null = 'closed before the answer';
    socket.on('connect', () => socket.write(request));
    socket.on('data', (chunk: Buffer) => {
      if (firstWrongByte(chunk, chunk.length, clientStream, number + received) >= 0) trouble = 'a wrong byte';
      received += chunk.length;
      if (received < request.length) return;
      if (received === request.length && trouble !== 'a wrong byte') trouble = null;
      socket.end();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      trouble = `${error.syscall} ${error.code}`;
    });
    socket.on('close', () => resolve(trouble));
  });
}

/** Says back what comes, and ends when the peer does. */
function echo(socket: Socket): void {
  socket.pipe(socket);
}
