/**
 * The share as a k6 script: what k6 is to do, as data, and under it the same few lines of JavaScript for every share. Each
 * iteration is one connection; when it is over it prints one line, which `sample-line.ts` reads. Pure.
 *
 * k6's JSON output would need no line of ours, but is thirteen lines a connection and cannot be thinned out; and it does
 * not know whether the answer was right. A line of the script's own is a tenth of it (docs/decisions/0007-k6-lines.md).
 *
 * Every request ends by itself, at the latest when the drain is over: no iteration is ever cut off uncounted.
 */

import { hostPort } from '../../../linux/sockets.ts';
import { httpHeaders, patternBytes } from '../../../protocol/traffic.ts';
import type { LoadOrder } from '../../load.ts';
import { k6Thresholds } from './thresholds.ts';

/** After the measured time, connections under way have this long, at most, to end: as with the other engines. */
const mostDrainMs = 2_000;
/** Over the drain, before k6 cuts an iteration off: a busy machine. */
const graceMs = 1_000;
/** A connection that could not be made rests in a closed loop: from the first to the second, doubling. */
const restMs = { first: 10, longest: 320 } as const;
/** Virtual users that are there from the start of an open loop: what is open when a server takes so long to answer. */
const startedForSeconds = 0.5;
const leastStarted = 16;
const patternPeriod = 64;
/** Rates are whole numbers to k6: so many seconds' worth of connections, to the millionth of one. */
const rateSeconds = 1_000_000;

/** What statistics of a trend its summary has. */
const statistics = ['count', 'min', 'avg', 'med', 'p(90)', 'p(99)', 'p(99.9)', 'max'];

/** How long k6 may run on after the measured time. */
export function drainMsOf({ responseTimeoutMs }: Pick<LoadOrder, 'responseTimeoutMs'>): number {
  return Math.min(responseTimeoutMs, mostDrainMs);
}

export function scriptOf(order: LoadOrder): string {
  return `${imports}\nconst share = ${JSON.stringify(dataOf(order), null, 1)};\n${program}`;
}

/** Exported for tests: the script's data. */
export function dataOf(order: LoadOrder) {
  const { warmUpSeconds, measuredSeconds, target, responseBytes, messages } = order;
  const thresholds = k6Thresholds(order);
  return {
    options: optionsOf(order, thresholds),
    urls: target.addresses.map((address) => `http://${hostPort(address, target.port)}/${responseBytes}`),
    messages,
    usual: { headers: headersOf(order, false) },
    last: { headers: headersOf(order, order.close === 'server-fin') },
    pattern: new TextDecoder().decode(patternBytes(patternPeriod)),
    responseBytes,
    // k6 has one limit for a request; its first one connects, too.
    firstMs: order.connectTimeoutMs + order.responseTimeoutMs,
    responseMs: order.responseTimeoutMs,
    warmUpMs: warmUpSeconds * 1000,
    loadMs: (warmUpSeconds + measuredSeconds) * 1000,
    drainMs: drainMsOf(order),
    rest: order.load.kind === 'closed' ? restMs : null,
    judged: Object.keys(thresholds).length > 0,
  };
}

function optionsOf(order: LoadOrder, thresholds: Readonly<Record<string, readonly string[]>>) {
  return {
    scenarios: { load: { ...executorOf(order), gracefulStop: milliseconds(drainMsOf(order) + graceMs) } },
    // "Connection: close" from the start where the server is to close after one answer. Else k6 closes what an iteration
    // has left open at its end, and closes first.
    noConnectionReuse: order.close === 'server-fin' && order.messages === 1,
    noVUConnectionReuse: true,
    userAgent: '',
    maxRedirects: 0,
    noCookiesReset: true,
    systemTags: [],
    summaryTrendStats: statistics,
    thresholds,
  };
}

function executorOf({ load, warmUpSeconds, measuredSeconds }: LoadOrder) {
  const duration = milliseconds((warmUpSeconds + measuredSeconds) * 1000);
  if (load.kind === 'closed') return { executor: 'constant-vus', vus: load.concurrency, duration };
  const started = Math.max(leastStarted, Math.ceil(load.ratePerSecond * startedForSeconds));
  return {
    executor: 'constant-arrival-rate',
    rate: Math.round(load.ratePerSecond * rateSeconds),
    timeUnit: `${rateSeconds}s`,
    duration,
    preAllocatedVUs: Math.min(started, load.maxOpen),
    maxVUs: load.maxOpen,
  };
}

function headersOf({ target, requestBytes, responseBytes }: LoadOrder, serverCloses: boolean) {
  const host = hostPort(target.addresses[0], target.port);
  return httpHeaders({ host, requestBytes, responseBytes, serverCloses });
}

function milliseconds(count: number): string {
  return `${Math.round(count)}ms`;
}

const imports = `import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter, Trend } from 'k6/metrics';
`;

/** What every share does. Times are k6's own, in milliseconds; they are printed in nanoseconds. */
const program = `
export const options = share.options;
const expected = share.pattern.repeat(Math.ceil(share.responseBytes / share.pattern.length)).slice(0, share.responseBytes);
const judged = share.judged && {
  connect: new Trend('connect', true),
  firstByte: new Trend('first_byte', true),
  total: new Trend('total', true),
  completed: new Counter('completed'),
};
let loadFromMs = 0;
let connections = 0;
let refusals = 0;

export default function () {
  const startMs = Date.now();
  if (loadFromMs === 0) loadFromMs = exec.scenario.startTime;
  const endMs = loadFromMs + share.loadMs + share.drainMs;
  const url = share.urls[connections++ % share.urls.length];
  let connect = -1, firstByte = -1, total = 0, outcome = 'ok';
  for (let message = 1; message <= share.messages && outcome === 'ok'; message++) {
    const request = message === share.messages ? share.last : share.usual;
    request.timeout = Math.max(1, Math.min(message === 1 ? share.firstMs : share.responseMs, endMs - Date.now()));
    const answer = http.get(url, request);
    const times = answer.timings;
    if (message === 1 && times.connecting > 0) {
      connect = times.connecting;
      if (times.receiving > 0) firstByte = connect + times.sending + times.waiting;
    }
    total += times.connecting + times.duration;
    if (answer.status === 0) outcome = answer.error_code + ' ' + answer.error;
    else if (answer.status !== 200 || answer.body !== expected) outcome = 'content';
  }
  const nowMs = Date.now();
  if (outcome !== 'ok') total = Math.max(total, nowMs - startMs);
  console.log(\`~\${startMs} \${nanoseconds(connect)} \${nanoseconds(firstByte)} \${nanoseconds(total)} \${outcome}\`);
  if (judged && outcome === 'ok') judge(startMs, nowMs, connect, firstByte, total);
  if (share.rest === null || connect >= 0) refusals = 0;
  else sleep(Math.min(share.rest.longest, share.rest.first * 2 ** refusals++) / 1000);
}

function nanoseconds(ms) {
  return ms < 0 ? -1 : Math.round(ms * 1e6);
}

function judge(startMs, nowMs, connect, firstByte, total) {
  const fromMs = loadFromMs + share.warmUpMs;
  const untilMs = loadFromMs + share.loadMs;
  if (nowMs >= fromMs && nowMs < untilMs) judged.completed.add(1);
  if (startMs < fromMs || startMs >= untilMs) return;
  judged.connect.add(connect);
  judged.firstByte.add(firstByte);
  judged.total.add(total);
}

export function handleSummary({ metrics }) {
  const summary = { metrics: {}, thresholds: {} };
  for (const [name, metric] of Object.entries(metrics)) {
    const known = Object.entries(metric.values).filter(([, value]) => Number.isFinite(value));
    summary.metrics[name] = Object.fromEntries(known);
    for (const [expression, { ok }] of Object.entries(metric.thresholds ?? {}))
      summary.thresholds[name + ' ' + expression] = ok;
  }
  return { stdout: '\\n=' + JSON.stringify(summary) + '\\n' };
}
`;
