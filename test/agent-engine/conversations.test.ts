/** What is said and how it is checked, without a socket: bytes are put where they would be received. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Buffers } from '../../agent/engines/flood/buffers.ts';
import { type Conversation, Verdict } from '../../agent/engines/flood/conversation.ts';
import { echoConversation } from '../../agent/engines/flood/echo-conversation.ts';
import { httpConversation } from '../../agent/engines/flood/http-conversation.ts';
import { readHead } from '../../agent/engines/flood/http-head.ts';
import type { LoadOrder } from '../../agent/load.ts';
import { patternBytes } from '../../protocol/traffic.ts';
import { order } from './flood-fixture.ts';

interface Talk {
  readonly conversation: Conversation;
  readonly buffers: Buffers;
}

function talk(changes: Partial<LoadOrder>, slots = 2): Talk {
  const theOrder = order(changes);
  const kind = theOrder.application === 'echo' ? echoConversation : httpConversation;
  const buffers = new Buffers({
    ...kind.plan(theOrder),
    slots,
    targets: [{ address: '127.0.0.1', port: 80 }],
    sources: [],
  });
  return { conversation: kind.create(theOrder, buffers), buffers };
}

/** The bytes that would be sent: the one piece, or the two that are gathered. */
function request({ conversation, buffers }: Talk, slot: number, bytes: number): Buffer {
  if (conversation.gathered)
    return Buffer.concat([
      buffers.bytes.subarray(buffers.ownAt[slot], buffers.ownAt[slot] + 8),
      buffers.bytes.subarray(buffers.sharedAt + 8, buffers.sharedAt + bytes),
    ]);
  const address = buffers.sendHigh[slot] * 2 ** 32 + (buffers.sendLow[slot] >>> 0);
  const at = address - buffers.address;
  return Buffer.from(buffers.bytes.subarray(at, at + buffers.sendBytes[slot]));
}

/** Receives `answer` in pieces of these lengths, in turn, and of what fits; the last verdict. */
function hear(
  { conversation, buffers }: Talk,
  slot: number,
  answer: Buffer,
  pieces: readonly number[],
): Verdict {
  let verdict: Verdict = Verdict.more;
  for (let at = 0, turn = 0; at < answer.length && verdict === Verdict.more; turn++) {
    const bytes = Math.min(pieces[turn % pieces.length], buffers.receiveBytes[slot], answer.length - at);
    assert.ok(buffers.receiveBytes[slot] > 0, 'there is room');
    answer.copy(buffers.bytes, buffers.receiveAt[slot], at, at + bytes);
    verdict = conversation.hear(slot, bytes);
    at += bytes;
  }
  return verdict;
}

const shapes = fc.record({
  requestBytes: fc.oneof(fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1020, max: 3000 })),
  responseBytes: fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 150_000 })),
});
const pieces = fc.array(fc.integer({ min: 1, max: 70_000 }), { minLength: 1, maxLength: 5 });

describe('echo', () => {
  test('hear() accepts the request repeated, in whatever pieces it comes, and no other byte', () => {
    fc.assert(
      fc.property(
        shapes,
        pieces,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (shape, inPieces, where, flip) => {
          const it = talk(shape);
          it.conversation.ask(1, 12_345, 3);
          const answer = Buffer.alloc(shape.responseBytes, request(it, 1, shape.requestBytes));
          assert.equal(hear(it, 1, answer, inPieces), Verdict.complete);
          it.conversation.ask(1, 12_346, 0);
          const next = Buffer.alloc(shape.responseBytes, request(it, 1, shape.requestBytes));
          next[where % next.length] ^= flip;
          assert.equal(hear(it, 1, next, inPieces), Verdict.wrong);
          it.buffers.unmap();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('ask() says something else on every connection, and in every message', () => {
    const it = talk({ requestBytes: 64, responseBytes: 64 });
    const said = new Set<string>();
    for (let connection = 0; connection < 100; connection++)
      for (let message = 0; message < 128; message++) {
        it.conversation.ask(0, connection, message);
        said.add(request(it, 0, 64).toString('latin1'));
      }
    assert.equal(said.size, 100 * 128);
    it.buffers.unmap();
  });

  test('Buffers stay small: a thousand slots share long requests and receive long answers in pieces', () => {
    const it = talk({ requestBytes: 65_536, responseBytes: 1_048_576 }, 1000);
    assert.ok(it.buffers.bytes.length < 70 * 2 ** 20, `${it.buffers.bytes.length} bytes`);
    it.buffers.unmap();
  });
});

describe('http', () => {
  const body = (bytes: number): Buffer => Buffer.from(patternBytes(bytes));
  const answer = (bytes: number): Buffer =>
    Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`), body(bytes)]);

  test('hear() accepts the pattern in whatever pieces it comes, and no other byte of the body', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 150_000 }),
        pieces,
        fc.nat(),
        (responseBytes, inPieces, where) => {
          const it = talk({ application: 'http', responseBytes });
          it.conversation.ask(0, 1, 0);
          assert.equal(hear(it, 0, answer(responseBytes), inPieces), Verdict.complete);
          it.conversation.ask(0, 2, 0);
          const spoiled = answer(responseBytes);
          spoiled[spoiled.length - 1 - (where % responseBytes)] ^= 1;
          assert.equal(hear(it, 0, spoiled, inPieces), Verdict.wrong);
          it.buffers.unmap();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('hear() reads each answer anew, though it compares with the last that was right', () => {
    const dated = (second: number, spoil = -1): Buffer => {
      const head = `HTTP/1.1 200 OK\r\nDate: 10:00:0${second}\r\nContent-Length: 64\r\n\r\n`;
      const whole = Buffer.concat([Buffer.from(head), body(64)]);
      if (spoil >= 0) whole[spoil] ^= 1;
      return whole;
    };
    const it = talk({ application: 'http', responseBytes: 64 });
    const heard = (said: Buffer, inPieces = [1000]): Verdict => {
      it.conversation.ask(0, 1, 0);
      return hear(it, 0, said, inPieces);
    };
    const { length } = dated(1);
    for (const second of [1, 1, 2, 2, 1]) assert.equal(heard(dated(second)), Verdict.complete);
    for (let at = length - 64; at < length; at++) assert.equal(heard(dated(1, at)), Verdict.wrong, `${at}`);
    assert.equal(heard(dated(1, 9)), Verdict.wrong, 'another status');
    assert.equal(heard(dated(1)), Verdict.complete);
    assert.equal(heard(dated(1), [length - 1, 1]), Verdict.complete);
    it.conversation.ask(1, 1, 0);
    assert.equal(hear(it, 1, dated(1).subarray(0, length - 1), [1000]), Verdict.more);
    assert.equal(heard(Buffer.concat([dated(1), Buffer.from('!')])), Verdict.wrong);
    it.buffers.unmap();
  });

  test('ask() says that the server is to close in the last message of a connection only', () => {
    const it = talk({ application: 'http', close: 'server-fin', messages: 2, requestBytes: 200 });
    it.conversation.ask(0, 1, 0);
    const first = request(it, 0, 0).toString();
    it.conversation.ask(0, 1, 1);
    const last = request(it, 0, 0).toString();
    assert.equal(first.length, 200);
    assert.match(first, /^GET \/64 HTTP\/1\.1\r\nHost: 127\.0\.0\.1:1\r\nX-Padding: x+\r\n\r\n$/);
    assert.match(last, /\r\nConnection: close\r\n/);
    it.buffers.unmap();
  });

  test('hear() refuses a head without end', () => {
    const it = talk({ application: 'http', responseBytes: 10 });
    it.conversation.ask(0, 1, 0);
    const endless = Buffer.from(`HTTP/1.1 200 OK\r\n${'X-More: and more\r\n'.repeat(1000)}`);
    assert.equal(hear(it, 0, endless, [100]), Verdict.wrong);
    it.buffers.unmap();
  });

  const heads: readonly (readonly [string, string, number | 'end'])[] = [
    ['a plain head', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n', 'end'],
    ['names in any case', 'HTTP/1.1 200 OK\r\ncONTENT-lENGTH:10\r\n\r\n', 'end'],
    ['other fields around', 'HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length:  10 \r\nDate: y\r\n\r\n', 'end'],
    ['no reason', 'HTTP/1.1 200\r\nContent-Length: 10\r\n\r\n', 'end'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n', 'end'],
    ['a head cut in the status', 'HTTP/1.1 20', 0],
    ['a head cut in a name', 'HTTP/1.1 200 OK\r\nConte', 0],
    ['a head cut before its last byte', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r', 0],
    ['another status', 'HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\n', -1],
    ['another status, cut', 'HTTP/1.1 5', -1],
    ['no length', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', -1],
    ['another length', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n', -1],
    ['no number', 'HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n', -1],
    ['an empty length', 'HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n', -1],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 10\r\n\r\n', -1],
    ['a longer name', 'HTTP/1.1 200 OK\r\nX-Content-Length: 10\r\n\r\n', -1],
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n', -1],
  ];
  for (const [what, text, wanted] of heads)
    test(`readHead() knows ${what}`, () => {
      const bytes = Buffer.from(`....${text}0123456789`);
      const end = 4 + text.length;
      assert.equal(readHead(bytes, 4, end, 10), wanted === 'end' ? end : wanted);
    });
});
