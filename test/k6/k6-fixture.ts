/** What the tests of the k6 engine share: is k6 there, an order for it, servers over HTTP that behave or do not. */

import type { Socket } from 'node:net';
import { findK6 } from '../../control/k6-program.ts';
import { patternBytes } from '../../protocol/traffic.ts';
import { type OrderChanges, order } from '../agent-engine/flood-fixture.ts';

const { missing } = findK6();

/** For `skip`: false, or why the test cannot be made. */
export const k6Missing: string | false = missing === null ? false : `k6 is needed: ${missing}`;

export function k6Order(changes: OrderChanges) {
  return order({
    engine: 'k6',
    application: 'http',
    load: { kind: 'closed', concurrency: 4 },
    warmUpSeconds: 0.5,
    measuredSeconds: 0.5,
    ...changes,
  });
}

export const goodAnswer = answerOf(patternBytes(64));

export function answerOf(body: Uint8Array, status = '200 OK'): Buffer {
  const head = `HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** Answers each request that came as a whole. */
export function answering(answer: (socket: Socket) => void): (socket: Socket) => void {
  return (socket) => {
    let heard = '';
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      for (let end = heard.indexOf('\r\n\r\n'); end >= 0; end = heard.indexOf('\r\n\r\n')) {
        heard = heard.slice(end + 4);
        answer(socket);
      }
    });
  };
}
