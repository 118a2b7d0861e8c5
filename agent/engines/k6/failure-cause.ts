/**
 * Why a connection of k6 failed: from its error codes, and from the words where a code stands for many things, to the
 * causes that records count. The codes are those of k6 1.8 (lib/netext/httpext/error_codes.go).
 */

import { Cause, causeOf } from '../flood/failure-cause.ts';

const byCode: ReadonlyMap<number, number> = new Map([
  // The request took longer than it may; no SYN was answered.
  [1050, Cause.timedOut],
  [1211, Cause.timedOut],
  [1212, Cause.refused],
  // EPIPE while writing: the server had reset.
  [1201, Cause.reset],
  [1220, Cause.reset],
]);

/** What Go's HTTP client says when a connection ends before its answer does. */
const endedEarly = /\bEOF\b|server closed (idle )?connection/;
const notHttp = /malformed (HTTP|MIME)|bad Content-Length|invalid (header|status)/i;
const errnoInWords = /\berrno `?(\d{1,3})\b/;

/**
 * Place of the cause in `failureCauses`.
 * @param code null: there was an answer, and it was not the one that was wanted.
 */
export function failureCauseOf(code: number | null, words: string): number {
  if (code === null) return Cause.wrongContent;
  const known = byCode.get(code);
  if (known !== undefined) return known;
  const errno = errnoInWords.exec(words)?.[1];
  if (errno !== undefined) return causeOf(Number(errno));
  if (endedEarly.test(words)) return Cause.shortResponse;
  return notHttp.test(words) ? Cause.wrongContent : Cause.other;
}
