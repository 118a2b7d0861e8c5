/**
 * Serves `/metrics` and `/healthz`, and nothing else, over HTTP. Node's own server is plainer here than a framework: two
 * paths, GET and HEAD, no bodies.
 *
 *   GET /metrics   200 the registry's text · 401 without the token, where there is one
 *   GET /healthz   200 `ok` · 503 `not ok`; why, only to those who may read the metrics
 *
 * What is longer than any honest request is refused (414, 431), and so is any body (413). On loopback without a token, a
 * Host that is not this machine is refused (421): that is how a page in a browser would reach it.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isLoopback, type ListenAddress, requireToken, tokenMatches } from '../protocol/access.ts';
import { badInput, messageOf } from '../protocol/failure.ts';

/** Prometheus asks for `/metrics`. */
const mostUrlCharacters = 256;
const mostHeaderBytes = 8_192;
const mostConnections = 64;
const requestMs = 3_000;
/** Node looks for late ones every 30 s. */
const lookMs = 500;

/** Null: well; else what is wrong, in words. */
export type Health = () => string | null;

export interface ServeWish {
  readonly listen: ListenAddress;
  readonly token: string | null;
  readonly contentType: string;
  readonly metrics: () => Promise<string>;
  readonly health: Health;
  /** The metrics were read, to the last byte; `beganMs`: since when, by performance.now(). */
  readonly onRead: (beganMs: number) => void;
}

export interface Serving {
  /** Of the metrics, as a person would open it. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws {Failure} exit status 2: off loopback without a token, or an address that cannot be listened on. */
export async function serve(wish: ServeWish): Promise<Serving> {
  requireToken('metrics', wish.listen, wish.token);
  const server = createServer(
    {
      maxHeaderSize: mostHeaderBytes,
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: lookMs,
    },
    (request, response) => void answer(wish, request, response),
  );
  server.maxConnections = mostConnections;
  await listen(server, wish.listen);
  const { port } = server.address() as AddressInfo;
  const { host } = wish.listen;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  }).catch((error: unknown) => {
    throw badInput(
      `Cannot serve metrics on ${host}:${port}: ${messageOf(error)}; wanted an address of this machine with a free port`,
      { cause: error },
    );
  });
  // A connection that breaks is nobody's error.
  server.on('error', () => {});
}

async function answer(wish: ServeWish, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('cache-control', 'no-store');
  response.setHeader('x-content-type-options', 'nosniff');
  const { url = '', method = '', headers } = request;
  const [path] = url.split('?', 1);
  const may = mayRead(wish.token, headers.authorization);
  if (url.length > mostUrlCharacters) return refuse(response, 414, 'the URL is too long');
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
    return refuse(response, 413, 'a body is not wanted');
  if (wish.token === null && !isOurHost(headers.host))
    return refuse(response, 421, 'not a host of this machine');
  if (path !== '/metrics' && path !== '/healthz')
    return refuse(response, 404, 'only /metrics and /healthz are here');
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    return refuse(response, 405, 'only GET and HEAD are wanted');
  }
  if (path === '/healthz') return tellHealth(wish.health(), may, response);
  if (!may) {
    response.setHeader('www-authenticate', 'Bearer realm="stampede"');
    return refuse(response, 401, 'wanted Authorization: Bearer TOKEN');
  }
  await tellMetrics(wish, method, response);
}

async function tellMetrics(wish: ServeWish, method: string, response: ServerResponse): Promise<void> {
  const beganMs = performance.now();
  try {
    const text = await wish.metrics();
    response.writeHead(200, { 'content-type': wish.contentType });
    response.end(text, () => {
      if (method === 'GET') wish.onRead(beganMs);
    });
  } catch (error) {
    refuse(response, 500, `the metrics could not be read: ${messageOf(error)}`);
  }
}

function tellHealth(trouble: string | null, may: boolean, response: ServerResponse): void {
  const status = trouble === null ? 'ok' : may ? `not ok: ${trouble}` : 'not ok';
  response.writeHead(trouble === null ? 200 : 503, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${status}\n`);
}

/** The connection ends with it: whatever else was on its way is not read. */
function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${why}\n`);
}

function mayRead(token: string | null, authorization: string | undefined): boolean {
  if (token === null) return true;
  const given = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && tokenMatches(token, given);
}

function isOurHost(host: string | undefined): boolean {
  const name = /^\[([^\]]+)\](?::\d+)?$/.exec(host ?? '')?.[1] ?? (host ?? '').replace(/:\d+$/, '');
  return isLoopback(name);
}
