/** An echo server for tests of the agent alone: a process, so that it keeps serving while the test looks elsewhere. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const program = `
const server = require('node:net').createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.on('data', (data) => socket.write(data));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, () => console.log(server.address().port));
let last = 0, count = 0;
server.on('connection', () => { count++; last = Date.now(); });
process.on('message', () => process.send({ count, last }));
process.on('disconnect', () => process.exit());
`;

export interface EchoServer {
  readonly port: number;
  /** Connections accepted so far, and when the last one was (ms since 1970). */
  asked(): Promise<{ readonly count: number; readonly last: number }>;
  close(): void;
}

export async function startEchoServer(): Promise<EchoServer> {
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return {
    port: Number(line.toString()),
    asked: async () => {
      const answer = once(child, 'message');
      child.send('?');
      return (await answer)[0] as { count: number; last: number };
    },
    close: () => {
      child.kill('SIGKILL');
    },
  };
}
