/** The applications without sockets: bytes in, bytes out, however the bytes are cut. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Application,
  CLOSE,
  ENDING,
  KEEP,
  LINGER,
  RESPONSE,
  wordsPerConnection,
} from '../../server-under-test/applications/application.ts';
import { Echo } from '../../server-under-test/applications/echo.ts';
import { Http } from '../../server-under-test/applications/http.ts';
import { echoed, pattern } from './under-test.ts';

interface Conversation {
  readonly answer: Buffer;
  /** How it ended: KEEP, CLOSE or LINGER. */
  readonly ending: number;
  /** Bytes that nothing was made of. */
  readonly left: number;
}

/** Speaks with an application as a transport does: input comes in pieces, output goes in pieces. */
function converse(
  application: Application,
  input: Buffer,
  cut: { inBytes: number; outBytes: number },
): Conversation {
  const inputAt = 100;
  const outputAt = inputAt + input.length + 100;
  const memory = new Uint8Array(outputAt + cut.outBytes + 100);
  const words = new Int32Array(wordsPerConnection * 3);
  const base = wordsPerConnection;
  const answer: Buffer[] = [];
  let from = inputAt;
  for (let came = 0; came < input.length; ) {
    const piece = input.subarray(came, came + cut.inBytes);
    memory.set(piece, inputAt + came);
    came += piece.length;
    for (;;) {
      const consumed = application.parse(memory, from, inputAt + came, words, base);
      assert.ok(consumed >= 0 && from + consumed <= inputAt + came);
      if (consumed === 0) break;
      const total = words[base + RESPONSE] as number;
      for (let offset = 0; offset < total; ) {
        const length = application.respond(
          memory,
          { requestAt: from, offset, out: outputAt, room: cut.outBytes },
          words,
          base,
        );
        assert.ok(length >= 1 && length <= cut.outBytes);
        answer.push(Buffer.from(memory.subarray(outputAt, outputAt + length)));
        offset += length;
      }
      from += consumed;
      if (total > 0 && words[base + ENDING] !== KEEP)
        return {
          answer: Buffer.concat(answer),
          ending: words[base + ENDING] as number,
          left: inputAt + came - from,
        };
    }
  }
  assert.deepEqual([...words.subarray(0, base)], Array(base).fill(0), 'no other connection was touched');
  return { answer: Buffer.concat(answer), ending: KEEP, left: inputAt + input.length - from };
}

const whole = { inBytes: 1 << 20, outBytes: 1 << 20 };
const bytewise = { inBytes: 1, outBytes: 1 };

function http(text: string, cut = whole): Conversation & { status: number; text: string } {
  const application = new Http(10);
  application.tick(Date.UTC(2026, 0, 2, 3, 4, 5));
  const conversation = converse(application, Buffer.from(text, 'latin1'), cut);
  const answer = conversation.answer.toString('latin1');
  return { ...conversation, text: answer, status: Number(answer.split(' ')[1] ?? 0) };
}

test('Http answers anew when the last answer, still in its place, is another', () => {
  const application = new Http(10);
  const memory = new Uint8Array(4_096);
  const words = new Int32Array(wordsPerConnection);
  const outputAt = 1_024;
  const answerTo = (path: string, room: number): string => {
    const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`, 'latin1');
    memory.set(request);
    words.fill(0);
    assert.equal(application.parse(memory, 0, request.length, words, 0), request.length);
    let answer = '';
    while (answer.length < (words[RESPONSE] as number)) {
      const part = { requestAt: 0, offset: answer.length, out: outputAt, room };
      const length = application.respond(memory, part, words, 0);
      answer += Buffer.from(memory.subarray(outputAt, outputAt + length)).toString('latin1');
    }
    return answer;
  };
  const expected = (second: number, bytes: number): RegExp =>
    new RegExp(
      `^HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 03:04:0${second} GMT\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${bytes}\r\n\r\n.{${bytes}}$`,
      's',
    );
  application.tick(Date.UTC(2026, 0, 2, 3, 4, 5));
  const first = answerTo('/', 2_000);
  assert.match(first, expected(5, 10));
  assert.equal(answerTo('/', 2_000), first);
  assert.match(answerTo('/11', 2_000), expected(5, 11));
  assert.equal(answerTo('/', 2_000), first);
  // In parts, which leave the last of them there.
  assert.equal(answerTo('/', 100), first);
  assert.equal(answerTo('/', 2_000), first);
  application.tick(Date.UTC(2026, 0, 2, 3, 4, 6));
  assert.match(answerTo('/', 2_000), expected(6, 10));
  assert.match(answerTo('/none', 2_000), /^HTTP\/1.1 404 Not Found/);
  assert.match(answerTo('/', 2_000), expected(6, 10));
});

test('Echo repeats each request up to the size of a response, however both are cut', () => {
  const sizes = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(
      fc.record({
        requestBytes: sizes,
        responseBytes: fc.integer({ min: 1, max: 2_000 }),
        inBytes: sizes,
        outBytes: sizes,
      }),
      fc.infiniteStream(fc.nat({ max: 255 })),
      ({ requestBytes, responseBytes, inBytes, outBytes }, stream) => {
        const messages = 3;
        const input = Buffer.from([...stream.take(requestBytes * messages)]);
        const echo = new Echo({ requestBytes, responseBytes, closeAfter: null });
        const { answer, left } = converse(echo, input, { inBytes, outBytes });
        const expected = [0, 1, 2].map((message) =>
          echoed(input.subarray(message * requestBytes, (message + 1) * requestBytes), responseBytes),
        );
        assert.ok(answer.equals(Buffer.concat(expected)));
        assert.equal(left, 0);
      },
    ),
    { numRuns: 200 },
  );
});

test('Echo ends after its messages, and leaves what is behind them', () => {
  const echo = new Echo({ requestBytes: 4, responseBytes: 2, closeAfter: 2 });
  const { answer, ending, left } = converse(echo, Buffer.from('abcdefghijk'), whole);
  assert.equal(answer.toString(), 'abef');
  assert.equal(ending, CLOSE);
  assert.equal(left, 3);
});

test('Http answers GET /N with N bytes of the pattern, and the date', () => {
  const { text, ending } = http('GET /70 HTTP/1.1\r\nHost: x\r\n\r\n');
  assert.equal(
    text,
    `HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\nContent-Type: text/plain\r\nContent-Length: 70\r\n\r\n${pattern(70).toString()}`,
  );
  assert.equal(ending, KEEP);
});

test('Http says the same, however request and response are cut', () => {
  const requests =
    'GET /130 HTTP/1.1\r\nHost: x\r\n\r\n' +
    '\r\nPOST / HTTP/1.1\r\nHost: x\r\nContent-Length: 25\r\n\r\nGET / HTTP/1.1\r\nHost: y\r\n' +
    'HEAD /5 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n' +
    'GET http://x/1?y=2 HTTP/1.1\r\nhost:x\r\nconnection: Upgrade , CLOSE\r\n\r\n' +
    'GET /never HTTP/1.1\r\n';
  const expected = http(requests);
  assert.equal(
    expected.text.match(/HTTP\/1\.1 (\d+)/g)?.join(),
    'HTTP/1.1 200,HTTP/1.1 405,HTTP/1.1 200,HTTP/1.1 200',
  );
  assert.equal(expected.ending, CLOSE);
  const size = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(size, size, (inBytes, outBytes) => {
      assert.equal(http(requests, { inBytes, outBytes }).text, expected.text);
    }),
    { numRuns: 100 },
  );
});

const answers: readonly [request: string, status: number, ending: number][] = [
  ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 200, KEEP],
  ['GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 200, CLOSE],
  ['GET / HTTP/1.0\r\n\r\n', 200, CLOSE],
  ['GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n', 200, KEEP],
  ['GET /0 HTTP/1.1\r\nHost: x\r\n\r\n', 200, KEEP],
  ['GET /1048577 HTTP/1.1\r\nHost: x\r\n\r\n', 404, KEEP],
  ['GET /99999999999999999999 HTTP/1.1\r\nHost: x\r\n\r\n', 404, KEEP],
  ['GET /-1 HTTP/1.1\r\nHost: x\r\n\r\n', 404, KEEP],
  ['OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 405, KEEP],
  ['get / HTTP/1.1\r\nHost: x\r\n\r\n', 405, KEEP],
  ['CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n', 405, KEEP],
  ['GET / HTTP/1.1\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost : x\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\nHost: x\n\n\r\n\r\n', 400, LINGER],
  ['GET  / HTTP/1.1\r\nHost: x\r\n\r\n', 400, LINGER],
  ['GET /\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1x\r\nHost: x\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n', 413, LINGER],
  ['POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', 411, LINGER],
  ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400, LINGER],
  ['GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-fine\r\n\r\n', 417, KEEP],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, LINGER],
  ['\x16\x03\x01\x02\x00', 400, LINGER],
  [`GET /${'1'.repeat(20_000)}`, 431, LINGER],
];

for (const [request, status, ending] of answers) {
  test(`Http answers ${status} to ${JSON.stringify(request.slice(0, 90))}`, () => {
    for (const cut of [whole, bytewise]) {
      const conversation = http(request, cut);
      assert.equal(conversation.status, status);
      assert.equal(conversation.ending, ending);
      const length = Number(/Content-Length: (\d+)/.exec(conversation.text)?.[1]);
      assert.equal(conversation.text.slice(conversation.text.indexOf('\r\n\r\n') + 4).length, length);
      assert.equal(/Connection: close/.test(conversation.text), ending !== KEEP);
    }
  });
}

test('Http says "100 Continue" before a body that waits for it, and answers after the body', () => {
  const { text } = http(
    'POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
    bytewise,
  );
  assert.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 405 Method Not Allowed\r\n/);
});

test('Http survives any bytes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'GET ',
      '/',
      ' HTTP/1.1',
      '\r\n',
      '\r',
      '\n',
      ': ',
      'Host',
      'Content-Length: 3',
      ',',
      '\0',
      '1',
    ),
    fc.string({ maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.integer({ min: 1, max: 50 }), (pieces, inBytes) => {
      const { text } = http(pieces.join(''), { inBytes, outBytes: 1_000 });
      assert.ok(text === '' || text.startsWith('HTTP/1.1 '));
    }),
    { numRuns: 500 },
  );
});
