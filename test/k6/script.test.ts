/** From a share to what k6 is told: pure, a table a part. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { k6Argv } from '../../agent/engines/k6/k6-command.ts';
import { dataOf, scriptOf } from '../../agent/engines/k6/script.ts';
import { k6Thresholds } from '../../agent/engines/k6/thresholds.ts';
import { httpRequest } from '../../protocol/traffic.ts';
import type { OrderChanges } from '../agent-engine/flood-fixture.ts';
import { k6Order } from './k6-fixture.ts';

const loads: readonly (readonly [string, OrderChanges, Record<string, unknown>])[] = [
  [
    'a concurrency is so many virtual users, all of the time',
    { load: { kind: 'closed', concurrency: 7 }, warmUpSeconds: 1, measuredSeconds: 2.5 },
    { executor: 'constant-vus', vus: 7, duration: '3500ms', gracefulStop: '2000ms' },
  ],
  [
    'a rate is whole to k6: so many in a million seconds, half a second of virtual users from the start',
    { load: { kind: 'open', ratePerSecond: 333.333333, maxOpen: 2000, seed: 1 }, measuredSeconds: 3 },
    {
      executor: 'constant-arrival-rate',
      rate: 333_333_333,
      timeUnit: '1000000s',
      duration: '3500ms',
      preAllocatedVUs: 167,
      maxVUs: 2000,
      gracefulStop: '2000ms',
    },
  ],
  [
    'a low rate has some virtual users to spare, and a long time limit a drain of 2 s',
    { load: { kind: 'open', ratePerSecond: 1, maxOpen: 64, seed: 1 }, responseTimeoutMs: 60_000 },
    {
      executor: 'constant-arrival-rate',
      rate: 1_000_000,
      timeUnit: '1000000s',
      duration: '1000ms',
      preAllocatedVUs: 16,
      maxVUs: 64,
      gracefulStop: '3000ms',
    },
  ],
];
for (const [what, changes, wanted] of loads)
  test(`dataOf(): ${what}`, () => {
    assert.deepEqual(dataOf(k6Order(changes)).options.scenarios.load, wanted);
  });

const closings: readonly (readonly [OrderChanges, { reuse: boolean; usual: string[]; last: string[] }])[] = [
  [
    { close: 'client-fin', messages: 1 },
    { reuse: true, usual: [], last: [] },
  ],
  [
    { close: 'client-fin', messages: 3 },
    { reuse: true, usual: [], last: [] },
  ],
  [
    { close: 'server-fin', messages: 1 },
    { reuse: false, usual: [], last: ['Connection'] },
  ],
  [
    { close: 'server-fin', messages: 3 },
    { reuse: true, usual: [], last: ['Connection'] },
  ],
];
for (const [changes, wanted] of closings)
  test(`dataOf(): who closes with ${changes.close}, ${changes.messages} messages`, () => {
    const { options, usual, last, messages } = dataOf(k6Order({ ...changes, requestBytes: 1 }));
    assert.equal(options.noVUConnectionReuse, true);
    assert.equal(options.noConnectionReuse, !wanted.reuse);
    assert.equal(messages, changes.messages);
    assert.deepEqual(Object.keys(usual.headers), wanted.usual);
    assert.deepEqual(Object.keys(last.headers), wanted.last);
  });

test('dataOf() pads requests to their size, the same for every engine', () => {
  const target = { addresses: ['127.0.0.1', '::1'], port: 8080 };
  const order = k6Order({ target, requestBytes: 300, responseBytes: 1000, close: 'server-fin' });
  const { usual, last, urls } = dataOf(order);
  assert.deepEqual(urls, ['http://127.0.0.1:8080/1000', 'http://[::1]:8080/1000']);
  const shape = { host: '127.0.0.1:8080', requestBytes: 300, responseBytes: 1000 };
  for (const [headers, serverCloses] of [
    [usual.headers, false],
    [last.headers, true],
  ] as const) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const text = `GET /1000 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n${lines.join('')}\r\n`;
    assert.equal(text.length, 300);
    assert.equal(text, new TextDecoder().decode(httpRequest({ ...shape, serverCloses })));
  }
});

test('dataOf() gives the first request the time to connect, too, and rests in a closed loop only', () => {
  const limits = { connectTimeoutMs: 700, responseTimeoutMs: 400 };
  const closed = dataOf(k6Order(limits));
  const open = dataOf(k6Order({ load: { kind: 'open', ratePerSecond: 5, maxOpen: 64, seed: 1 } }));
  assert.deepEqual([closed.firstMs, closed.responseMs, closed.drainMs], [1100, 400, 400]);
  assert.deepEqual([closed.rest, open.rest], [{ first: 10, longest: 320 }, null]);
});

test('scriptOf() is a module that says its share as data', () => {
  const script = scriptOf(k6Order({ port: 4000 }));
  const data: unknown = JSON.parse(/^const share = (\{.*?^\});$/ms.exec(script)?.[1] ?? 'null');
  assert.deepEqual(data, JSON.parse(JSON.stringify(dataOf(k6Order({ port: 4000 })))));
});

test('k6Thresholds() maps what k6 can judge, and leaves out the figures of the server', () => {
  const thresholds = k6Thresholds({
    measuredSeconds: 4,
    thresholds: [
      { metric: 'latencySeconds.connect.p50', max: 0.002 },
      { metric: 'latencySeconds.firstByte.p99', min: 0.001, max: 0.25 },
      { metric: 'latencySeconds.total.p99', max: 1 },
      { metric: 'latencySeconds.total.p50', max: 0.5 },
      { metric: 'connectionsPerSecond', min: 250 },
      { metric: 'latencySeconds.accept.p99', max: 1 },
      { metric: 'server.acceptFairness', min: 0.9 },
    ],
  });
  assert.deepEqual(thresholds, {
    connect: ['med<=2'],
    first_byte: ['p(99)>=1', 'p(99)<=250'],
    total: ['p(99)<=1000', 'med<=500'],
    completed: ['count>=1000'],
  });
});

test('k6Argv() names source addresses only when there are some, and tells nobody else', () => {
  const argv = (...sourceAddresses: string[]) =>
    k6Argv({ path: '/opt/k6', port: 7000, sourceAddresses }).join(' ');
  assert.match(argv('127.0.0.2', '127.0.0.3'), / --local-ips 127\.0\.0\.2,127\.0\.0\.3 -$/);
  assert.doesNotMatch(argv(), /local-ips/);
  assert.match(
    argv(),
    /^setpriv --pdeathsig KILL -- \/opt\/k6 run --paused .*--no-usage-report --address 127\.0\.0\.1:7000 /,
  );
});
