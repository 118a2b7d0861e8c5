/**
 * What k6 prints, line by line: a connection that ended, its summary, or words of its log. The form of a connection's line
 * is laid down in `script.ts`; a line that begins like one and is not is our mistake, or a k6 that we do not know.
 */

import { z } from 'zod';
import { type K6Summary, k6SummarySchema } from '../../../protocol/k6.ts';
import { failureCauseOf } from './failure-cause.ts';

/** One connection; times in nanoseconds. */
export interface Sample {
  /** Milliseconds since 1970, on the wall clock of this machine. */
  readonly startWallMs: number;
  /** From its start; negative: it did not get so far. */
  readonly connectNs: number;
  readonly firstByteNs: number;
  readonly totalNs: number;
  /** Place in `failureCauses`; null: it completed. */
  readonly failedBy: number | null;
}

export type K6Line =
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'summary'; readonly summary: Omit<K6Summary, 'version'> }
  | { readonly kind: 'words'; readonly text: string };

const form = /^~(\d{13}) (-1|\d{1,15}) (-1|\d{1,15}) (\d{1,15}) (ok|content|(\d{4}) (.*))$/;
const summarySchema = k6SummarySchema.omit({ version: true });

/** @throws {Error} when a line begins like one of ours and is none. */
export function parseLine(line: string): K6Line {
  switch (line[0]) {
    case '~':
      return { kind: 'sample', sample: parseSample(line) };
    case '=':
      return { kind: 'summary', summary: parseSummary(line.slice(1)) };
    default:
      return { kind: 'words', text: line };
  }
}

function parseSample(line: string): Sample {
  const found = form.exec(line);
  if (found === null)
    throw new Error(
      `Cannot read what k6 says of a connection: it is "${line.slice(0, 200)}"; wanted ${form}`,
    );
  const [, start, connect, firstByte, total, outcome, code, text] = found;
  return {
    startWallMs: Number(start),
    connectNs: Number(connect),
    firstByteNs: Number(firstByte),
    totalNs: Number(total),
    failedBy: outcome === 'ok' ? null : failureCauseOf(code === undefined ? null : Number(code), text ?? ''),
  };
}

function parseSummary(text: string): Omit<K6Summary, 'version'> {
  try {
    return summarySchema.parse(JSON.parse(text));
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : 'it is not JSON';
    throw new Error(`Cannot read the summary of k6: ${what}`, { cause: error });
  }
}
