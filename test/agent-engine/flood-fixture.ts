/** The vocabulary of these tests: an order with what matters in it, a flood that runs it, servers that behave or do not. */

import { createServer, type Server, type Socket } from 'node:net';
import type { LoadOrder, LoadThread, ThreadResult } from '../../agent/load.ts';
import { startLoadThread } from '../../agent/load-thread.ts';
import { LatencyHistogram, type LatencySummary } from '../../measurement/histogram.ts';

export const backends = ['io_uring', 'epoll'] as const;

/** What carries a flood, for suites that ask the same of all of them. */
export interface Carrying {
  readonly name: string;
  /** What its floods say of themselves. */
  readonly backend: RegExp;
  /** An order over it, to a server of this process, with what matters in it. */
  order(changes: OrderChanges): LoadOrder;
  /** Three, and two of this process. */
  readonly sourceAddresses: readonly string[];
  readonly targetAddresses: readonly string[];
  /** What it is not asked, and why. */
  readonly cannot: { readonly ipv6?: string };
}

export type OrderChanges = Partial<LoadOrder> & { readonly port?: number };

export const socketCarriers: readonly Carrying[] = backends.map((backend) => ({
  name: `socket engine over ${backend}`,
  backend: new RegExp(`^${backend}$`),
  order: (changes) => order({ backend, ...changes }),
  sourceAddresses: ['127.1.0.1', '127.1.0.2', '127.1.0.3'],
  targetAddresses: ['127.2.0.1', '127.2.0.2'],
  cannot: {},
}));

const usual: LoadOrder = {
  engine: 'socket',
  cores: [0],
  namespace: null,
  target: { addresses: ['127.0.0.1'], port: 1 },
  sourceAddresses: [],
  application: 'echo',
  messages: 1,
  requestBytes: 64,
  responseBytes: 64,
  close: 'client-fin',
  load: { kind: 'closed', concurrency: 8 },
  warmUpSeconds: 0,
  measuredSeconds: 0.3,
  connectTimeoutMs: 1000,
  responseTimeoutMs: 1000,
  backend: 'auto',
  thresholds: [],
};

export function order(changes: OrderChanges): LoadOrder {
  const { port, ...rest } = changes;
  const target = port === undefined ? usual.target : { ...usual.target, port };
  return { ...usual, target, ...rest };
}

/** A lease that ends so many seconds from now. */
export function leaseOf(seconds: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(8);
  new BigInt64Array(memory)[0] = process.hrtime.bigint() + BigInt(Math.round(seconds * 1e9));
  return memory;
}

export interface Flooded extends ThreadResult {
  readonly backend: string;
  readonly latency: {
    readonly connect: LatencySummary;
    readonly firstByte: LatencySummary;
    readonly total: LatencySummary;
  };
}

export async function started(theOrder: LoadOrder, lease = leaseOf(60)): Promise<LoadThread> {
  const thread = await startLoadThread(theOrder, lease);
  thread.start(process.hrtime.bigint() + 5_000_000n);
  return thread;
}

/** Runs an order from start to end. */
export async function flood(theOrder: LoadOrder): Promise<Flooded> {
  const thread = await started(theOrder);
  const result = await thread.result;
  const summary = (text: string): LatencySummary => LatencyHistogram.decode(text).summary();
  const { connect, firstByte, total } = result.histograms;
  return {
    ...result,
    backend: thread.backend,
    latency: { connect: summary(connect), firstByte: summary(firstByte), total: summary(total) },
  };
}

export function failures(result: Pick<ThreadResult, 'counts'>): Record<string, number> {
  return Object.fromEntries(Object.entries(result.counts.failed).filter(([, count]) => count > 0));
}

export interface TestServer extends AsyncDisposable {
  readonly port: number;
  /** Connections accepted so far. */
  accepted(): number;
  readonly open: ReadonlySet<Socket>;
}

/** A server that does with each connection what it is told. */
export async function serverThat(
  serve: (socket: Socket, index: number) => void,
  host = '0.0.0.0',
): Promise<TestServer> {
  const open = new Set<Socket>();
  let accepted = 0;
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.end());
    serve(socket, accepted++);
  });
  await new Promise<void>((resolve) => {
    server.listen({ port: 0, host, backlog: 1024 }, resolve);
  });
  return {
    port: (server.address() as { port: number }).port,
    accepted: () => accepted,
    open,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface EchoShape {
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** The server closes after so many; without it, the client does. */
  readonly messages?: number;
}

/** Echoes as `protocol/traffic.ts` says; `spoil` may change an answer before it goes. */
export function echo(
  shape: EchoShape,
  spoil: (answer: Buffer) => Buffer = (answer) => answer,
): (socket: Socket) => void {
  return (socket) => {
    let heard = Buffer.alloc(0);
    let answered = 0;
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes]);
      while (heard.length >= shape.requestBytes) {
        socket.write(spoil(Buffer.alloc(shape.responseBytes, heard.subarray(0, shape.requestBytes))));
        heard = heard.subarray(shape.requestBytes);
        if (++answered === shape.messages) socket.end();
      }
    });
  };
}

/** Until `isSo`, at most `mostMs`. */
export async function eventually(isSo: () => boolean, mostMs = 2000): Promise<boolean> {
  const end = performance.now() + mostMs;
  while (!isSo() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  return isSo();
}
