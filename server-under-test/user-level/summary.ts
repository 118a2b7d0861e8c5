/** What the cores of a user-level server measured, put together as one result. */

import { LatencyHistogram } from '../../measurement/histogram.ts';
import type { UserLevelFigures } from '../../protocol/trial-record.ts';
import { type AcceptCounts, sum, troubleNotes } from '../pinned-threads.ts';
import type { UserLevelResult, VariantResult } from '../variants/variant.ts';
import type { CoreFigures, Lengths } from './measured-figures.ts';
import type { UserLevelCoreResult } from './order.ts';

export function summarise(
  gathered: readonly (UserLevelCoreResult | null)[],
  counts: AcceptCounts,
  said: { readonly link: string; readonly notes: Readonly<Record<string, string>> },
): VariantResult {
  const results = gathered.filter((result) => result !== null);
  const troubles = troubleNotes(results.map((result) => result.troubles));
  if (results.length < gathered.length) {
    const reason = 'not measured: a server thread did not stop when told to';
    const fields = ['server.locality', 'latencySeconds.accept', 'server.userLevel'];
    const unknown = [...fields, 'server.listenOverflows', 'server.listenDrops'].map((field) => [
      field,
      reason,
    ]);
    return {
      ...counts,
      locality: null,
      accept: null,
      userLevel: null,
      notes: { ...said.notes, ...troubles, ...Object.fromEntries(unknown) },
    };
  }
  const figures = results.map((result) => result.figures);
  const wait = new LatencyHistogram();
  for (const { acceptWait } of figures) wait.merge(LatencyHistogram.decode(acceptWait));
  return {
    ...counts,
    // By construction: the thread that handles a connection's segments is the one that accepts it.
    locality: 1,
    accept: wait.encode(),
    userLevel: userLevelResult(figures, said.link),
    notes: {
      'server.locality':
        'by construction: a connection is accepted by the thread whose stack handles its segments',
      'latencySeconds.accept':
        'every connection, from the poll that took the last ACK of its handshake to the application; the time its frame waited in the ring before that is not in it',
      'server.listenOverflows':
        "of the server's own TCP: connection requests that found its queues full, dropped or answered by a cookie",
      'server.listenDrops':
        "of the server's own TCP: connection requests dropped, its queues or its memory being full",
      ...sendingNotes(results),
      ...said.notes,
      ...troubles,
    },
  };
}

function sendingNotes(results: readonly UserLevelCoreResult[]): Record<string, string> {
  const refused = results.find(({ togetherRefused }) => togetherRefused !== null)?.togetherRefused ?? null;
  return refused === null ? {} : { 'server.userLevel.framesSent': `none many at a time: ${refused}` };
}

function userLevelResult(cores: readonly CoreFigures[], link: string): UserLevelResult {
  const counter = (name: string): number => sum(cores.map(({ counters }) => counters[name] ?? 0));
  const drop = (name: string): number => sum(cores.map(({ drops }) => drops[name] ?? 0));
  const causes = [...new Set(cores.flatMap(({ drops }) => Object.keys(drops)))];
  const drops = {
    ...Object.fromEntries(causes.map((cause) => [cause, drop(cause)])),
    linkFull: counter('overflows'),
  };
  const figures: UserLevelFigures = {
    link,
    framesPerBatch: meanAndMost(cores.map(({ batches }) => batches)),
    framesSent: { all: counter('framesSent'), together: counter('sentTogether') },
    acceptQueue: meanAndMost(cores.map(({ acceptQueue }) => acceptQueue)),
    halfOpen: meanAndMost(cores.map(({ halfOpen }) => halfOpen)),
    retransmissions: {
      handshake: counter('synRetransmissions'),
      timeout: counter('timeoutRetransmissions'),
      fast: counter('fastRetransmissions'),
    },
    cookies: { sent: counter('cookiesSent'), accepted: counter('cookiesAccepted') },
    resets: { sent: counter('resetsSent'), received: counter('resetsReceived') },
    drops: Object.fromEntries(Object.entries(drops).filter(([, count]) => count > 0)),
  };
  return {
    listenOverflows: drop('backlogFull') + figures.cookies.sent,
    listenDrops: drop('backlogFull') + drop('noMemory'),
    figures,
  };
}

function meanAndMost(all: readonly Lengths[]): { mean: number; most: number } {
  const looks = sum(all.map((lengths) => lengths.looks));
  return {
    mean: looks === 0 ? 0 : sum(all.map((lengths) => lengths.sum)) / looks,
    most: Math.max(0, ...all.map((lengths) => lengths.most)),
  };
}
