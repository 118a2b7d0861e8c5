/**
 * A TCP server that misbehaves on purpose, for tests of what the load makes of it. It answers the first bytes of each
 * connection as a request, whatever they are.
 */

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { patternBytes } from '../protocol/traffic.ts';
import type { Application } from '../protocol/variant-catalogue.ts';

/**
 * `wrong-bytes`: an answer of the right length, wrong at its last byte. `half-answer`: half of one, then the end.
 * `nothing`: reads, never answers. `closes`: ends the connection instead of answering. `resets`: resets it.
 */
export type FaultKind = 'wrong-bytes' | 'half-answer' | 'nothing' | 'closes' | 'resets';

export interface FaultyServer {
  readonly address: string;
  readonly port: number;
  /** Connections it has seen. */
  connections(): number;
  /** Ends it and every connection. */
  close(): Promise<void>;
}

export interface FaultyServerOptions {
  readonly application?: Application;
  readonly responseBytes?: number;
  readonly address?: string;
}

export async function startFaultyServer(
  kind: FaultKind,
  options: FaultyServerOptions = {},
): Promise<FaultyServer> {
  const { application = 'echo', responseBytes = 64, address = '127.0.0.1' } = options;
  const open = new Set<Socket>();
  let seen = 0;
  const server = createServer((socket) => {
    seen++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (request) => misbehave(socket, kind, rightAnswer(application, responseBytes, request)));
  });
  server.listen(0, address);
  await once(server, 'listening');
  return {
    address,
    port: (server.address() as AddressInfo).port,
    connections: () => seen,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function misbehave(socket: Socket, kind: FaultKind, answer: Buffer): void {
  switch (kind) {
    case 'wrong-bytes':
      answer[answer.length - 1] = (answer[answer.length - 1] as number) ^ 0x01;
      socket.write(answer);
      break;
    case 'half-answer':
      socket.end(answer.subarray(0, Math.floor(answer.length / 2)));
      break;
    case 'nothing':
      break;
    case 'closes':
      socket.end();
      break;
    case 'resets':
      socket.resetAndDestroy();
      break;
  }
}

/** What a good server would say. */
function rightAnswer(application: Application, responseBytes: number, request: Buffer): Buffer {
  if (application === 'echo') return Buffer.alloc(responseBytes, request);
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${responseBytes}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), patternBytes(responseBytes)]);
}
