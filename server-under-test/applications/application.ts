/**
 * What a server does with the bytes of a connection: bytes in, bytes out, no sockets inside. Kernel sockets and a
 * user-level TCP serve the same applications.
 *
 *   transport                                   application
 *     │ ── parse(bytes that came) ─────────────► │  consumed, and words[RESPONSE] bytes are due
 *     │ ── respond(from, room) ────────────────► │  bytes, again and again until all are sent
 *     │ ── parse(what is left) ────────────────► │  … until it consumes nothing: more has to come
 *
 * A connection's state is `wordsPerConnection` 32-bit words, zeroed when it begins; nothing else is kept between calls,
 * and nothing is allocated. A response is a function of those words and of the request, which the transport keeps in
 * place until the response is out: a part that did not go is asked for again, not stored.
 */

export interface Application {
  /** No request (head, for http) longer than this is understood: the transport holds back so much, not more. */
  readonly longestRequestBytes: number;

  /**
   * Looks at memory[from…to), the start of a request or the rest of one.
   * @returns bytes consumed; 0: more has to come. `words[base + RESPONSE]` and `words[base + ENDING]` say what is due.
   */
  parse(memory: Uint8Array, from: number, to: number, words: Int32Array, base: number): number;

  /**
   * Writes bytes of the response that is due, from its byte `offset` on, to memory[out…out + room). Nobody else writes there:
   * what the last call left is still there.
   * @param requestAt where the request that parse() consumed stands.
   * @returns bytes written: at least 1, as long as offset < words[base + RESPONSE].
   */
  respond(memory: Uint8Array, part: ResponsePart, words: Int32Array, base: number): number;

  /** Told about once a second, and before the first request. */
  tick(unixMs: number): void;
}

/** Which part of a response is wanted, and where. One object a thread, used again and again. */
export interface ResponsePart {
  requestAt: number;
  offset: number;
  out: number;
  room: number;
}

export const wordsPerConnection = 8;

/** Word 0: bytes of the response that is due; 0: none. */
export const RESPONSE = 0;
/** Word 1: what happens after that response, one of the three below. */
export const ENDING = 1;
/** Words from here on are the application's own. */
export const OWN = 2;

/** The connection goes on. */
export const KEEP = 0;
/** The server closes: every byte that came has been read. */
export const CLOSE = 1;
/** The server ends its side and reads on for a while: closing with bytes unread would be a reset (RFC 9112, 9.6). */
export const LINGER = 2;
