/**
 * Reads the head of an HTTP/1.1 response where it lies (RFC 9112), without making a string: enough to know that the
 * status is 200 and how long the body is. It refuses to be a general parser.
 */

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

const statusLine = new TextEncoder().encode('HTTP/1.1 200');
const contentLength = new TextEncoder().encode('content-length');
/** The digit after "HTTP/1." may be any. */
const minorVersionAt = 7;

/**
 * @returns where the body begins, counted like `start`; 0: the head is not whole yet; -1: this is not status 200 with
 * exactly this Content-Length.
 */
export function readHead(bytes: Uint8Array, start: number, end: number, wantedLength: number): number {
  const known = Math.min(end - start, statusLine.length);
  for (let index = 0; index < known; index++)
    if (bytes[start + index] !== statusLine[index] && index !== minorVersionAt) return -1;

  let found = false;
  let at = lineAfter(bytes, start, end);
  while (at > 0 && at < end) {
    if (bytes[at] === CR) {
      if (at + 1 >= end) return 0;
      return bytes[at + 1] === LF && found ? at + 2 : -1;
    }
    const next = lineAfter(bytes, at, end);
    if (next === 0) return 0;
    if (isContentLength(bytes, at, next)) {
      if (found || lengthIn(bytes, at + contentLength.length + 1, next) !== wantedLength) return -1;
      found = true;
    }
    at = next;
  }
  return 0;
}

/** Where the line after the one at `at` begins; 0: this one has no end yet. */
function lineAfter(bytes: Uint8Array, at: number, end: number): number {
  for (let index = at; index < end; index++) if (bytes[index] === LF) return index + 1;
  return 0;
}

function isContentLength(bytes: Uint8Array, at: number, next: number): boolean {
  const colon = at + contentLength.length;
  if (colon >= next || bytes[colon] !== COLON) return false;
  // Setting 0x20 makes a capital small; the hyphen has that bit already.
  for (let index = 0; index < contentLength.length; index++)
    if ((bytes[at + index] | 0x20) !== contentLength[index]) return false;
  return true;
}

/** The decimal number that a field's value is; -1: it is none. */
function lengthIn(bytes: Uint8Array, at: number, next: number): number {
  let index = at;
  while (bytes[index] === SPACE || bytes[index] === TAB) index++;
  let value = -1;
  for (; bytes[index] >= 0x30 && bytes[index] <= 0x39 && value < 1e9; index++)
    value = (value < 0 ? 0 : value * 10) + (bytes[index] - 0x30);
  while (bytes[index] === SPACE || bytes[index] === TAB) index++;
  return index < next && (bytes[index] === CR || bytes[index] === LF) ? value : -1;
}
