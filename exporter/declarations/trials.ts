/**
 * Metrics of committed trials, by cell. Counters and histograms take each trial once, when it is committed, and begin with
 * the process; gauges are of the last trial of the cell. What a trial did not measure is absent, never 0.
 */

import { cellLabels } from '../labels.ts';
import type { Declarations } from './declaration.ts';

const by = ['coordinator'] as const;
const ofCell = { labels: cellLabels, by } as const;

export const trialDeclarations = {
  stampede_connections_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Connections of the measured intervals of committed trials, by what became of them.',
    labels: [...cellLabels, 'outcome'],
    by,
  },
  stampede_accepted_connections_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Connections that each server core accepted in the measured intervals of committed trials.',
    labels: [...cellLabels, 'core'],
    by,
  },
  stampede_connect_latency_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the intended start of a connection to its being established, in committed trials.',
    ...ofCell,
  },
  stampede_accept_latency_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: "From the handshake's last ACK to accept by the application, in committed trials.",
    ...ofCell,
  },
  stampede_first_byte_latency_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the intended start of a connection to the first byte of the response, in committed trials.',
    ...ofCell,
  },
  stampede_total_latency_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'From the intended start of a connection to its end, in committed trials.',
    ...ofCell,
  },
  stampede_trial_connections_per_second: {
    kind: 'gauge',
    unit: 'connections per second',
    help: 'Connections completed a second in the last trial.',
    ...ofCell,
  },
  stampede_trial_asked_starts_per_second: {
    kind: 'gauge',
    unit: 'starts per second',
    help: 'Connections that were to be started a second in the last trial; absent in a closed loop.',
    ...ofCell,
  },
  stampede_trial_achieved_starts_per_second: {
    kind: 'gauge',
    unit: 'starts per second',
    help: 'Connections that were started a second in the last trial.',
    ...ofCell,
  },
  stampede_server_core_time_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'What part of its time each server core spent in a mode, in the last trial; with stolen time they sum to 1.',
    labels: [...cellLabels, 'core', 'mode'],
    by,
  },
  stampede_generator_core_time_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'The same of the cores that made the load; where several agents have a core of one number, of the busiest.',
    labels: [...cellLabels, 'core', 'mode'],
    by,
  },
  stampede_server_cpu_seconds_per_connection: {
    kind: 'gauge',
    unit: 'seconds per connection',
    help: "Busy time of the server's cores over the connections completed meanwhile, in the last trial.",
    ...ofCell,
  },
  stampede_accept_fairness_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: "Jain's index over the accepts of each core in the last trial: 1 is even, 1/cores is all on one.",
    ...ofCell,
  },
  stampede_accept_locality_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Share of connections accepted on the core that had processed their packets, in the last trial.',
    ...ofCell,
  },
  stampede_listen_overflows_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Handshakes that found an accept queue full, in committed trials.',
    ...ofCell,
  },
  stampede_listen_drops_total: {
    kind: 'counter',
    unit: 'connections',
    help: 'Handshakes that listening sockets dropped, for whatever reason, in committed trials.',
    ...ofCell,
  },
  stampede_accept_queue_mean_connections: {
    kind: 'gauge',
    unit: 'connections',
    help: 'Mean depth of the accept queue, seen whenever a batch was handled, in the last trial; of user-level servers only.',
    ...ofCell,
  },
  stampede_accept_queue_most_connections: {
    kind: 'gauge',
    unit: 'connections',
    help: 'Greatest depth of the accept queue in the last trial; of user-level servers only.',
    ...ofCell,
  },
  stampede_generator_headroom_ratio: {
    kind: 'gauge',
    unit: 'ratio',
    help: 'Least idle part of any load core in the last trial: under 0.2 the figures are a lower bound.',
    ...ofCell,
  },
  stampede_limited_trials_total: {
    kind: 'counter',
    unit: 'trials',
    help: 'Committed trials, by what held them back.',
    labels: [...cellLabels, 'limited_by'],
    by,
  },
} as const satisfies Declarations;
