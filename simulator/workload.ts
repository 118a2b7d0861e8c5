/** What clients ask of the server: connections, transactions, sizes, patience. Data; a closed loop, or clients by a rate. */

export const workloadNames = ['rpc', 'accept-only', 'http'] as const;
export type WorkloadName = (typeof workloadNames)[number];

/** Of the application's part of a request: always as long, or by chance of the same mean. */
export const serviceNames = ['fixed', 'exponential'] as const;
export type ServiceName = (typeof serviceNames)[number];

export interface Workload {
  readonly name: WorkloadName;
  /** Requests and responses a connection; 0: it is closed as soon as it is accepted. */
  readonly transactions: number;
  /** Of a response, and of an rpc's request. */
  readonly bytes: number;
  /** Default: `fixed`. */
  readonly service?: ServiceName;
  /** Connections that clients keep open; each begins anew when it is closed. Of open arrivals: the most under way at a time. */
  readonly concurrency: number;
  /** Open arrivals: connections that begin a second, by a Poisson process. Without it: a closed loop. */
  readonly ratePerSecond?: number;
  /** Between groups of `thinkEvery` requests the client waits. */
  readonly thinkSeconds: number;
  /** How many connections may wait to be accepted, in each queue; further SYNs are dropped, and tried again after 1, 2, 4, … s. */
  readonly backlog: number;
}
