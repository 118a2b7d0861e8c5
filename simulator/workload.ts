/** What clients ask of the server: connections, transactions, sizes, patience. Data; clients without end of a closed loop. */

export const workloadNames = ['rpc', 'accept-only', 'http'] as const;
export type WorkloadName = (typeof workloadNames)[number];

export interface Workload {
  readonly name: WorkloadName;
  /** Requests and responses a connection; 0: it is closed as soon as it is accepted. */
  readonly transactions: number;
  /** Of a response, and of an rpc's request. */
  readonly bytes: number;
  /** Connections that clients keep open; each begins anew when it is closed. */
  readonly concurrency: number;
  /** Between groups of `thinkEvery` requests the client waits. */
  readonly thinkSeconds: number;
  /** How many connections may wait to be accepted, in each queue; further SYNs are dropped, and tried again after 1, 2, 4, … s. */
  readonly backlog: number;
}
