/** What things are called in front of people: in every report and on the live page alike. */

import type { Verdict } from '../../protocol/comparison-record.ts';
import type { FailureCause, LatencyName, LimitedBy } from '../../protocol/trial-record.ts';

/** A shape beside each word: colour alone says nothing to some. */
export const verdictSigns: Readonly<Record<Verdict, string>> = {
  better: '▲ better',
  worse: '▼ worse',
  equivalent: '≈ equivalent',
  inconclusive: '~ inconclusive',
};

export const latencyTitles: Readonly<Record<LatencyName, string>> = {
  total: 'Total: first SYN to last byte',
  firstByte: 'First byte of the response',
  connect: 'Connect: SYN to established',
  accept: 'Accept wait: established to accepted',
};

/** After "so many connections". */
export const causeWords: Readonly<Record<FailureCause, string>> = {
  refused: 'refused',
  reset: 'reset',
  timedOut: 'timed out',
  noPort: 'found no port',
  noDescriptor: 'found no descriptor',
  shortResponse: 'ended before the whole response',
  wrongContent: 'got wrong content',
  other: 'failed otherwise',
};

/** After "in so many trials". */
export const limitWords: Readonly<Record<LimitedBy, string>> = {
  server: 'the server was the limit',
  generator: 'the load generator was the limit, so its figures may be bounds',
  network: 'the network was the limit',
  control: 'the two sides counted differently, so the trial is in no comparison',
  undetermined: 'no limit showed',
};
