/**
 * The head of an HTTP/1.1 request, from bytes (RFC 9112). It decides what the request asks and what status it deserves;
 * it answers nothing, keeps nothing, and allocates nothing.
 *
 * Strict where leniency was an attack before: a bare line feed, space before a colon, a folded line, two lengths that
 * differ, a length beside a transfer coding are all 400.
 */

import { maxResponseBytes } from '../../protocol/cell.ts';

/** What a head says. One object, filled again by every parse. */
export interface RequestHead {
  /** 200, or what is wrong with it. */
  status: number;
  /** The N of `GET /N`; -1: "/". */
  wantedBytes: number;
  headOnly: boolean;
  /** HTTP/1.1 or later: the connection persists unless told otherwise. */
  persistentByDefault: boolean;
  keepAlive: boolean;
  /** Bytes of the request's body. */
  bodyBytes: number;
  expectsContinue: boolean;
  /** The rest of the connection cannot be understood: where the next request starts is not known. */
  broken: boolean;
}

export function emptyRequestHead(): RequestHead {
  return {
    status: 200,
    wantedBytes: -1,
    headOnly: false,
    persistentByDefault: true,
    keepAlive: true,
    bodyBytes: 0,
    expectsContinue: false,
    broken: false,
  };
}

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const COLON = 58;
const COMMA = 44;
const SLASH = 47;
const QUESTION = 63;
const ZERO = 48;

/** A longer body is refused with 413. */
export const maxBodyBytes = 1 << 30;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const GET = bytesOf('GET');
const HEAD = bytesOf('HEAD');
const HTTP_VERSION = bytesOf('HTTP/');
const HTTP_SCHEME = bytesOf('http://');
const names = {
  connection: bytesOf('connection'),
  contentLength: bytesOf('content-length'),
  transferEncoding: bytesOf('transfer-encoding'),
  expect: bytesOf('expect'),
  host: bytesOf('host'),
};
const values = {
  close: bytesOf('close'),
  keepAlive: bytesOf('keep-alive'),
  continue: bytesOf('100-continue'),
};

/** RFC 9110, 5.6.2: what methods and field names are made of. */
const tokenCharacters = new Uint8Array(256);
for (const byte of bytesOf("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
  tokenCharacters[byte] = 1;

/** True for a byte that a request may begin with. */
export function mayBeginRequest(byte: number): boolean {
  return tokenCharacters[byte] === 1;
}

/** Where the head that starts at `from` ends: the index after its empty line; -1: not yet. Looks from `resume` on. */
export function endOfHead(memory: Uint8Array, resume: number, to: number): number {
  for (let index = resume; index + 3 < to; index++) {
    if (memory[index + 3] === LF) {
      if (memory[index + 2] === CR && memory[index + 1] === LF && memory[index] === CR) return index + 4;
    } else if (memory[index + 3] !== CR) {
      // No mark reaches over this byte: go on behind it.
      index += 3;
    }
  }
  return -1;
}

/** Reads memory[from…to), which ends with an empty line, into `head`. */
export function parseRequestHead(memory: Uint8Array, from: number, to: number, head: RequestHead): void {
  head.status = 200;
  head.wantedBytes = -1;
  head.headOnly = false;
  head.persistentByDefault = true;
  head.keepAlive = true;
  head.bodyBytes = 0;
  head.expectsContinue = false;
  head.broken = false;
  const fields = parseRequestLine(memory, from, to, head);
  if (!head.broken) parseFields(memory, fields, to - 2, head);
}

/** @returns where the header fields start. */
function parseRequestLine(memory: Uint8Array, from: number, to: number, head: RequestHead): number {
  let at = from;
  while (tokenCharacters[memory[at]] === 1) at++;
  const methodEnd = at;
  if (methodEnd === from || memory[at] !== SPACE) return refuse(head, 400);
  const target = ++at;
  while (at < to && memory[at] > SPACE && memory[at] < 127) at++;
  const targetEnd = at;
  if (targetEnd === target || memory[at] !== SPACE) return refuse(head, 400);
  at++;
  // "HTTP/" DIGIT "." DIGIT CR LF
  if (!sameBytes(memory, at, at + 5, HTTP_VERSION)) return refuse(head, 400);
  const major = memory[at + 5] - ZERO;
  const minor = memory[at + 7] - ZERO;
  if (memory[at + 6] !== 46 || memory[at + 8] !== CR || memory[at + 9] !== LF) return refuse(head, 400);
  if (!(major >= 0 && major <= 9 && minor >= 0 && minor <= 9)) return refuse(head, 400);
  if (major !== 1) return refuse(head, 505);
  head.persistentByDefault = minor >= 1;
  head.keepAlive = head.persistentByDefault;
  head.headOnly = sameBytes(memory, from, methodEnd, HEAD);
  parseTarget(memory, target, targetEnd, head);
  if (!head.headOnly && !sameBytes(memory, from, methodEnd, GET)) head.status = 405;
  return at + 10;
}

/** `/`, `/N`, with or without `http://authority` before and `?query` behind. */
function parseTarget(memory: Uint8Array, from: number, to: number, head: RequestHead): void {
  let at = from;
  if (to - from >= HTTP_SCHEME.length && sameLetters(memory, from, from + HTTP_SCHEME.length, HTTP_SCHEME)) {
    at += HTTP_SCHEME.length;
    while (at < to && memory[at] !== SLASH && memory[at] !== QUESTION) at++;
    if (at === to || memory[at] === QUESTION) return;
  }
  if (memory[at] !== SLASH) {
    head.status = 404;
    return;
  }
  at++;
  let wanted = 0;
  const digits = at;
  while (at < to && memory[at] !== QUESTION) {
    const digit = memory[at] - ZERO;
    if (digit < 0 || digit > 9) {
      head.status = 404;
      return;
    }
    wanted = Math.min(wanted * 10 + digit, maxResponseBytes + 1);
    at++;
  }
  if (at === digits) return;
  if (wanted > maxResponseBytes) head.status = 404;
  else head.wantedBytes = wanted;
}

function parseFields(memory: Uint8Array, from: number, to: number, head: RequestHead): void {
  let hosts = 0;
  let lengths = 0;
  let transferCoded = false;
  let saysClose = false;
  let saysKeepAlive = false;
  let at = from;
  while (at < to) {
    const name = at;
    while (tokenCharacters[memory[at]] === 1) at++;
    const nameEnd = at;
    if (nameEnd === name || memory[at] !== COLON) {
      refuse(head, 400);
      return;
    }
    at++;
    while (memory[at] === SPACE || memory[at] === TAB) at++;
    const value = at;
    while (memory[at] >= SPACE || memory[at] === TAB) at++;
    if (memory[at] !== CR || memory[at + 1] !== LF) {
      refuse(head, 400);
      return;
    }
    let valueEnd = at;
    while (valueEnd > value && (memory[valueEnd - 1] === SPACE || memory[valueEnd - 1] === TAB)) valueEnd--;
    at += 2;

    // The names that matter differ in length.
    switch (nameEnd - name) {
      case 4:
        if (sameLetters(memory, name, nameEnd, names.host)) hosts++;
        break;
      case 6:
        if (sameLetters(memory, name, nameEnd, names.expect)) {
          if (sameLetters(memory, value, valueEnd, values.continue)) head.expectsContinue = true;
          else if (head.status === 200) head.status = 417;
        }
        break;
      case 10:
        if (sameLetters(memory, name, nameEnd, names.connection)) {
          saysClose ||= listHas(memory, value, valueEnd, values.close);
          saysKeepAlive ||= listHas(memory, value, valueEnd, values.keepAlive);
        }
        break;
      case 14:
        if (sameLetters(memory, name, nameEnd, names.contentLength)) {
          const length = decimal(memory, value, valueEnd);
          if (length < 0 || (lengths > 0 && length !== head.bodyBytes)) {
            refuse(head, 400);
            return;
          }
          lengths++;
          head.bodyBytes = length;
        }
        break;
      case 17:
        transferCoded ||= sameLetters(memory, name, nameEnd, names.transferEncoding);
        break;
    }
  }
  if (transferCoded) refuse(head, lengths > 0 || !head.persistentByDefault ? 400 : 411);
  else if (hosts > 1 || (hosts === 0 && head.persistentByDefault)) refuse(head, 400);
  else if (head.bodyBytes > maxBodyBytes) refuse(head, 413);
  head.keepAlive = !head.broken && !saysClose && (head.persistentByDefault || saysKeepAlive);
}

/** Nothing after this request can be understood: answer and end. */
function refuse(head: RequestHead, status: number): number {
  head.status = status;
  head.broken = true;
  head.keepAlive = false;
  head.bodyBytes = 0;
  return 0;
}

function sameBytes(memory: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false;
  for (let index = 0; index < wanted.length; index++)
    if (memory[from + index] !== wanted[index]) return false;
  return true;
}

/** As sameBytes, upper and lower case being the same; `wanted` has lower-case letters, digits, and marks with bit 5. */
function sameLetters(memory: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  if (to - from !== wanted.length) return false;
  for (let index = 0; index < wanted.length; index++) {
    const byte = memory[from + index];
    const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
    if (lower !== wanted[index]) return false;
  }
  return true;
}

/** Whether a comma-separated list has an element. */
function listHas(memory: Uint8Array, from: number, to: number, wanted: Uint8Array): boolean {
  let at = from;
  while (at < to) {
    while (at < to && (memory[at] === SPACE || memory[at] === TAB || memory[at] === COMMA)) at++;
    const start = at;
    while (at < to && memory[at] !== COMMA) at++;
    let end = at;
    while (end > start && (memory[end - 1] === SPACE || memory[end - 1] === TAB)) end--;
    if (sameLetters(memory, start, end, wanted)) return true;
  }
  return false;
}

/** -1: no number. What is over maxBodyBytes stays over it, however long it is written. */
function decimal(memory: Uint8Array, from: number, to: number): number {
  if (from === to) return -1;
  let value = 0;
  for (let index = from; index < to; index++) {
    const digit = memory[index] - ZERO;
    if (digit < 0 || digit > 9) return -1;
    value = Math.min(value * 10 + digit, maxBodyBytes + 1);
  }
  return value;
}
