/** What may be set of a stack's TCP, and what it is when nothing is said. */

/** All in milliseconds, but for the counts. */
export interface TimerSettings {
  /** 2 MSL (RFC 9293 3.6.1): how long the side that closed first remembers a connection. */
  readonly timeWaitMs: number;
  /** How often a SYN is sent again before `connect` fails. */
  readonly synRetries: number;
  /** How often a SYN+ACK is sent again before a half-open connection is forgotten. */
  readonly synAckRetries: number;
  /** R2 (RFC 9293 3.8.3), the user time-out: nothing was acknowledged for so long, and the connection has failed. */
  readonly dataGiveUpMs: number;
  /** The same, once the application has closed it: also of a peer that keeps its window shut. */
  readonly closedGiveUpMs: number;
  /** How long a connection that the application has closed waits for the peer's FIN. */
  readonly finWait2Ms: number;
  /** An ACK waits so long for data to go with; at most 500 (RFC 9293 3.8.6.3). */
  readonly delayedAckMs: number;
  /** Of new connections: idle time before the first probe; 0: none is sent. */
  readonly keepAliveMs: number;
  readonly keepAliveIntervalMs: number;
  readonly keepAliveProbes: number;
  readonly minRtoMs: number;
  readonly maxRtoMs: number;
  /** Before a round trip was measured (RFC 6298 2.1). */
  readonly initialRtoMs: number;
}

export const defaultTimers: TimerSettings = {
  timeWaitMs: 60_000,
  synRetries: 6,
  synAckRetries: 5,
  dataGiveUpMs: 900_000,
  closedGiveUpMs: 60_000,
  finWait2Ms: 60_000,
  delayedAckMs: 40,
  keepAliveMs: 0,
  keepAliveIntervalMs: 75_000,
  keepAliveProbes: 9,
  minRtoMs: 200,
  maxRtoMs: 60_000,
  initialRtoMs: 1_000,
};

/**
 * The parts that mTCP (NSDI 2014) is made of; each can be exchanged for the plain way, to see what it is worth. One more,
 * the hot line of a connection, is a matter of the process: see layout.ts.
 */
export interface Parts {
  /** Open addressing in one typed array; else a JavaScript Map. */
  readonly flowTable: boolean;
  /** All that happened is handed over at once; else one event a turn. */
  readonly eventBatches: boolean;
  /** Control goes before ACKs, ACKs before data; else what was due first goes first. */
  readonly transmitLists: boolean;
  /** A hash of milliseconds for retransmission, sorted lists for constant delays; else binary heaps. */
  readonly timerLists: boolean;
  /** All memory is there from the start; else that of a connection is allocated when it begins. */
  readonly preallocation: boolean;
}

export const allParts: Parts = {
  flowTable: true,
  eventBatches: true,
  transmitLists: true,
  timerLists: true,
  preallocation: true,
};

export interface BufferSettings {
  /** Of a small buffer, a power of two: requests and short responses live in these. */
  readonly smallBytes: number;
  /** Of a large buffer, a power of two: the most that a connection may hold, each way. */
  readonly largeBytes: number;
  /** Of all buffers together. */
  readonly memoryBytes: number;
}

export const defaultBuffers: BufferSettings = {
  smallBytes: 2_048,
  largeBytes: 262_144,
  memoryBytes: 67_108_864,
};
