/**
 * TCP options (RFC 9293 3.1, RFC 7323): maximum segment size, window scale, SACK permitted, timestamps. Every other kind
 * is skipped by its length, SACK blocks too. A length that cannot be ends the reading: what was read before it counts.
 */

const Kind = { end: 0, none: 1, mss: 2, windowScale: 3, sackPermitted: 4, timestamps: 8 } as const;

/** Two fillers, then timestamps of 10 bytes: how every system sends them (RFC 7323 appendix A). */
const timestampsWord = (Kind.none << 24) | (Kind.none << 16) | (Kind.timestamps << 8) | 10;
/** The same, with SACK permitted in the place of the fillers. */
const sackTimestampsWord = (Kind.sackPermitted << 24) | (2 << 16) | (Kind.timestamps << 8) | 10;

/** Bytes of `emitTimestamps`. */
export const timestampsBytes = 12;
/** A larger shift is taken as this one (RFC 7323 2.3). */
export const maxWindowScale = 14;

export interface TcpOptions {
  /** Maximum segment size; 0: not said. */
  mss: number;
  /** 0 … 14; -1: not said. */
  windowScale: number;
  sackPermitted: boolean;
  hasTimestamps: boolean;
  /** TSval and TSecr, int32; only with `hasTimestamps`. */
  timestampValue: number;
  timestampEcho: number;
}

export function tcpOptions(): TcpOptions {
  return {
    mss: 0,
    windowScale: -1,
    sackPermitted: false,
    hasTimestamps: false,
    timestampValue: 0,
    timestampEcho: 0,
  };
}

/** Reads the options from `from` to before `end`; what is not there is reset in `out`. */
export function parseOptions(memory: DataView, from: number, end: number, out: TcpOptions): void {
  out.mss = 0;
  out.windowScale = -1;
  out.sackPermitted = false;
  out.hasTimestamps = false;
  if (end - from === timestampsBytes && memory.getInt32(from) === timestampsWord) {
    readTimestamps(memory, from + 2, out);
    return;
  }
  let at = from;
  while (at < end) {
    const kind = memory.getUint8(at);
    if (kind === Kind.end) return;
    if (kind === Kind.none) {
      at++;
      continue;
    }
    if (end - at < 2) return;
    const length = memory.getUint8(at + 1);
    if (length < 2 || length > end - at) return;
    readOption(memory, at, kind, length, out);
    at += length;
  }
}

/** A known kind of another length than its own is skipped like an unknown one. */
function readOption(memory: DataView, at: number, kind: number, length: number, out: TcpOptions): void {
  if (kind === Kind.mss && length === 4) out.mss = memory.getUint16(at + 2);
  else if (kind === Kind.windowScale && length === 3)
    out.windowScale = Math.min(memory.getUint8(at + 2), maxWindowScale);
  else if (kind === Kind.sackPermitted && length === 2) out.sackPermitted = true;
  else if (kind === Kind.timestamps && length === 10) readTimestamps(memory, at, out);
}

function readTimestamps(memory: DataView, at: number, out: TcpOptions): void {
  out.hasTimestamps = true;
  out.timestampValue = memory.getInt32(at + 2);
  out.timestampEcho = memory.getInt32(at + 6);
}

/** Writes options for a SYN, in the order Linux has. @returns their bytes, a multiple of 4. */
export function emitSynOptions(memory: DataView, from: number, options: Readonly<TcpOptions>): number {
  let at = from;
  if (options.mss !== 0) {
    memory.setInt32(at, (Kind.mss << 24) | (4 << 16) | options.mss);
    at += 4;
  }
  if (options.hasTimestamps) {
    emitTimestamps(memory, at, options.timestampValue, options.timestampEcho);
    if (options.sackPermitted) memory.setInt32(at, sackTimestampsWord);
    at += timestampsBytes;
  } else if (options.sackPermitted) {
    memory.setInt32(at, (Kind.none << 24) | (Kind.none << 16) | (Kind.sackPermitted << 8) | 2);
    at += 4;
  }
  if (options.windowScale >= 0) {
    memory.setInt32(at, (Kind.none << 24) | (Kind.windowScale << 16) | (3 << 8) | options.windowScale);
    at += 4;
  }
  return at - from;
}

/** Writes the timestamps that every later segment has. @returns their bytes. */
export function emitTimestamps(memory: DataView, at: number, value: number, echo: number): number {
  memory.setInt32(at, timestampsWord);
  memory.setInt32(at + 4, value);
  memory.setInt32(at + 8, echo);
  return timestampsBytes;
}
