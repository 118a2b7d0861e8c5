/**
 * What the coordinator says to everybody in a run: start, finish, abort. Read from the run's stream by a blocking read
 * on a connection of its own, for as long as one attempt lasts.
 *
 * What was said shortly before the attempt was taken up counts too: an abort may overtake its order.
 */

import type { Redis } from 'ioredis';
import { controlStream } from '../protocol/keys.ts';
import { type ControlMessage, controlMessageSchema, maxOrderBytes } from '../protocol/messages.ts';
import { closeRedis, connectRedis, withRevival } from './connection.ts';

/** The one field of an entry, on both streams; it holds JSON. */
export const entryField = 'message';

const lookBackEntries = 100;
const blockMs = 2_000;
const entriesARead = 100;
const retryMs = 200;

type Entry = readonly [id: string, fields: readonly string[]];

export interface ControlReader {
  /** Never rejects. */
  close(): void;
}

/**
 * Calls `onMessage` for every message of the run, of any epoch, in order; what is malformed or too large is passed over.
 */
export function readControl(
  redisUrl: string,
  run: string,
  member: string,
  onMessage: (message: ControlMessage) => void,
): ControlReader {
  const redis = connectRedis(redisUrl, { name: `stampede-control-${member}`, blocking: true });
  let closed = false;
  const deliver = (entries: readonly Entry[]) => {
    for (const [, fields] of entries) {
      const message = parseEntry(fields);
      if (message !== null && !closed) onMessage(message);
    }
  };
  const loop = async () => {
    let lastId: string | null = null;
    while (!closed) {
      try {
        const entries: readonly Entry[] =
          lastId === null ? await readLast(redis, run) : await readNext(redis, run, lastId);
        lastId = entries.at(-1)?.[0] ?? lastId ?? '0-0';
        deliver(entries);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  };
  void loop();
  return {
    close: () => {
      closed = true;
      redis.disconnect();
      void closeRedis(redis);
    },
  };
}

async function readLast(redis: Redis, run: string): Promise<readonly Entry[]> {
  const newestFirst = await withRevival(
    redis,
    2 * blockMs,
    redis.xrevrange(controlStream(run), '+', '-', 'COUNT', lookBackEntries),
  );
  return newestFirst.reverse();
}

async function readNext(redis: Redis, run: string, lastId: string): Promise<readonly Entry[]> {
  const streams = await withRevival(
    redis,
    2 * blockMs,
    redis.xread('COUNT', entriesARead, 'BLOCK', blockMs, 'STREAMS', controlStream(run), lastId),
  );
  return (streams as readonly [string, readonly Entry[]][] | null)?.[0]?.[1] ?? [];
}

function parseEntry(fields: readonly string[]): ControlMessage | null {
  const text = fields[0] === entryField ? fields[1] : undefined;
  if (text === undefined || text.length > maxOrderBytes) return null;
  try {
    return controlMessageSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
