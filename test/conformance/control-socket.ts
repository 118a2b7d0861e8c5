/**
 * The UNIX stream socket that the conformance port is commanded by: a line in, a line out, in order. Any number of clients,
 * one after the other or at once; all command the same port.
 */

import { once } from 'node:events';
import { lstatSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

/** A longer one is no command. It is answered as such when it ends, and nobody keeps it until then. */
const longestLine = 256;

export interface ControlSocket {
  close(): void;
}

/**
 * Listens on `path`; a socket that a dead process has left there is replaced. @param answer of each line.
 * @throws when something else is there, or the path cannot be used.
 */
export async function openControlSocket(
  path: string,
  answer: (line: string) => string,
): Promise<ControlSocket> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) rmSync(path);
  const clients = new Set<Socket>();
  // Who ends its side first, as "printf reset | nc -NU PATH" does, still hears the answers.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    client.on('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    converse(client, answer);
  });
  server.listen(path);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new Error(
      `Cannot listen for commands on "${path}": ${error instanceof Error ? error.message : String(error)}; ` +
        'wanted a path, of at most 107 bytes, where a socket can be made',
      { cause: error },
    );
  }
  return {
    close: () => {
      for (const client of clients) client.destroy();
      server.close();
    },
  };
}

function converse(client: Socket, answer: (line: string) => string): void {
  client.setEncoding('latin1');
  let rest = '';
  const obey = (line: string): string => `${answer(line.length > longestLine ? '' : line)}\n`;
  client.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(0, longestLine + 1);
    // Who does not read answers gives no more commands.
    if (lines.length > 0 && !client.write(lines.map(obey).join(''))) client.pause();
  });
  client.on('drain', () => client.resume());
  client.on('end', () => client.end(rest === '' ? '' : obey(rest)));
}
