/** The states of a connection (RFC 9293 3.3.2), and what else is either so or not about it. */

export const State = {
  closed: 0,
  synSent: 1,
  synReceived: 2,
  established: 3,
  finWait1: 4,
  finWait2: 5,
  closeWait: 6,
  closing: 7,
  lastAck: 8,
  timeWait: 9,
} as const;

export type State = (typeof State)[keyof typeof State];

/** Name of each state, by its number. */
export const stateNames = Object.keys(State) as readonly (keyof typeof State)[];

/** Bits of a connection's flags. */
export const Is = {
  /** Both sides send timestamps (RFC 7323). */
  stamped: 1 << 0,
  /** Both sides scale their windows. */
  scaled: 1 << 1,
  /** A peer opened it. */
  inbound: 1 << 2,
  /** It takes a place of its listener's backlog. */
  queued: 1 << 3,
  /** The application has closed it, or never had it: the stack ends it alone and then frees it. */
  detached: 1 << 4,
  /** The application will write no more: a FIN goes behind what is there. */
  ending: 1 << 5,
  /** The peer's FIN was taken in: RCV.NXT is behind it. */
  ended: 1 << 6,
  /** The peer's FIN came, ahead of data that is missing. */
  finAhead: 1 << 7,
  /** An ACK is due at the end of this turn. */
  ackNow: 1 << 8,
  /** An ACK is due, and may wait for data to go with. */
  ackLater: 1 << 9,
  /** The timer of the delayed ACK runs. */
  ackTimed: 1 << 10,
  /** Small segments wait while others are under way (RFC 9293 3.7.4). */
  nagle: 1 << 11,
  keptAlive: 1 << 12,
  /** `write` took less than it was given: the application is told when there is room. */
  wantsRoom: 1 << 13,
  /** A SYN or SYN+ACK had to be sent again. */
  synLost: 1 << 14,
  /** The first unacknowledged segment is to be sent again, at once. */
  resend: 1 << 15,
  /** The timer that runs is for a window that is shut, not for segments under way. */
  probing: 1 << 16,
  /** Ranges of its data came out of order. */
  gapped: 1 << 17,
  /** It could not take a buffer, and waits for one. */
  starved: 1 << 18,
  /** Both sides say what came out of order (SACK, RFC 2018). */
  sackPermitted: 1 << 19,
  /** Not all that was sent before the last time-out is acknowledged. */
  timedOut: 1 << 20,
  /** The peer has some of what is missing before it (scoreboard.ts), or what was lost is being sent again. */
  lossy: 1 << 21,
  /** The timer that runs is for a tail loss probe (RFC 8985 7), not for a time-out. */
  tailTimed: 1 << 22,
  /** Such a probe was sent, and its end is not acknowledged. */
  tailProbed: 1 << 23,
} as const;
