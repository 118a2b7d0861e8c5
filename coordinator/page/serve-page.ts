/**
 * Start here: the live page of a run, over HTTP, and what changes on it, over a WebSocket.
 *
 *   run ── events ─► RunModel ─► ChangeLog ─► Viewers ── changes ─► a page in a browser
 *                                                 ▲ upgrade
 *   browser ── request ─► Gate (host, origin, token) ─► page, scripts, past runs
 *
 * It refuses to listen off loopback without a token, to answer pages of others, and to be told anything but where a page
 * is. It logs nothing.
 */

import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { Duplex } from 'node:stream';
import { fastify } from 'fastify';
import { WebSocketServer } from 'ws';
import { type ListenAddress, requireToken } from '../../protocol/access.ts';
import { badInput, messageOf } from '../../protocol/failure.ts';
import { maxLiveRequestBytes } from '../../protocol/live-page.ts';
import { Gate } from './admission.ts';
import { type Asset, readAssets } from './assets.ts';
import { LoginCookie } from './login-cookie.ts';
import { PastRuns } from './past-runs.ts';
import { addRoutes, callerOf, refuseUrl } from './routes.ts';
import type { RunModel } from './run-model.ts';
import { type ViewerLimits, Viewers, viewerLimits } from './viewers.ts';

export interface PageOptions {
  readonly address: ListenAddress;
  /** Asked for wherever it listens; null: there is none, and it must be loopback. */
  readonly token: string | null;
  /** The built page, `dashboards/page/`. */
  readonly assets: string;
  /** Path of the run folder that is watched; past runs are those beside it. */
  readonly folder: string;
  readonly model: RunModel;
  readonly limits?: ViewerLimits;
}

export interface LivePage {
  /** As a person would open it. */
  readonly url: string;
  /** What is still to be told is told first, as far as that takes under a second. */
  close(): Promise<void>;
}

const mostConnections = 256;
const closeMs = 800;

/** @throws {Failure} exit status 2: it may not, or cannot, listen there. */
export async function servePage(options: PageOptions): Promise<LivePage> {
  const { address, token, model } = options;
  requireToken('the live page', address, token);
  const assets = await readPageAssets(options.assets);
  const cookie = token === null ? null : new LoginCookie(token);
  const gate = new Gate(token, cookie);
  const viewers = new Viewers(model.log, randomBytes(8).toString('hex'), options.limits ?? viewerLimits);
  const parts = { gate, token, cookie, assets, model, pastRuns: new PastRuns(options.folder) };

  const app = fastify({
    logger: false,
    frameworkErrors: (error, request, reply) => refuseUrl(parts, error, request, reply),
    bodyLimit: 2_048,
    forceCloseConnections: true,
    // A folder's name may have 255 bytes, each of them written as three characters.
    routerOptions: { maxParamLength: 1_024 },
    requestTimeout: 10_000,
  });
  app.server.maxConnections = mostConnections;
  app.server.headersTimeout = 10_000;
  addRoutes(app, parts);
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: maxLiveRequestBytes,
    perMessageDeflate: false,
    clientTracking: false,
  });
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const refusal = refusalOf(request, gate);
    if (refusal !== null) {
      socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => viewers.add(opened));
  });
  try {
    await app.listen({ host: address.host, port: address.port });
  } catch (error) {
    await app.close();
    throw badInput(
      `Cannot serve the live page on ${address.host}:${address.port}: ${messageOf(error)}; wanted an address of this ` +
        'machine and a free port. Name another with --page.',
    );
  }
  const { port } = app.server.address() as AddressInfo;
  return {
    url: `http://${nameOf(address.host)}:${port}/`,
    async close() {
      await viewers.close(closeMs);
      await app.close();
    },
  };
}

/** Null: let it in. */
function refusalOf(request: IncomingMessage, gate: Gate): string | null {
  if (gate.admit(callerOf(request.headers)) !== 'granted') return '401 Unauthorized';
  return request.url === '/live' ? null : '404 Not Found';
}

async function readPageAssets(folder: string): Promise<ReadonlyMap<string, Asset>> {
  try {
    return await readAssets(folder);
  } catch (error) {
    throw badInput(
      `Cannot serve the live page: ${messageOf(error)}; wanted the built page. Build it with "npm run build".`,
    );
  }
}

/** What stands for every address of a machine is none to open. */
function nameOf(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname();
  return host.includes(':') ? `[${host}]` : host;
}
