/**
 * Collects what members say on the run's report stream, and hands it on once it has passed the screening.
 *
 * Entries are read through a script that keeps those over the limit back inside Redis, so a message of 100 MiB costs the
 * coordinator a line of notes. (XREAD BLOCK would hand it over whole.) While a trial measures, the stream is asked
 * seldom: only the waits at either end of a trial are worth a fast answer.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { withDeadline } from '../control/connection.ts';
import { reportStream } from '../protocol/keys.ts';
import { type MemberMessage, maxMessageBytes } from '../protocol/messages.ts';
import { Coverage } from './coverage.ts';
import { type Expected, type Refusal, Screening } from './screening.ts';

const readScript = `
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
local limit, budget = tonumber(ARGV[3]), tonumber(ARGV[4])
local reply = {}
for _, entry in ipairs(entries) do
  local fields = entry[2]
  local text = fields[2]
  if #fields ~= 2 or #text > limit then
    reply[#reply + 1] = { entry[1] }
  else
    budget = budget - #text
    if budget < 0 and #reply > 0 then break end
    reply[#reply + 1] = { entry[1], text }
  end
end
return { redis.call('TIME'), reply }`;

const entriesARead = 200;
const bytesARead = 1_048_576;
const callMs = 3_000;
const hurriedPollMs = 10;
const patientPollMs = 100;

export interface CollectorEvents {
  /** Passed the screening. */
  onMessage(message: MemberMessage): void;
  /** A participant was refused too often. */
  onQuarantine(sender: string): void;
  /** `sender`: who takes part and said it, if that is known; `first`: of its kind. */
  onRefusal(refusal: Refusal, why: string, sender: string | null, first: boolean): void;
}

export class Collector {
  readonly coverage = new Coverage();
  readonly #redis: Redis;
  readonly #stream: string;
  readonly #screening: Screening;
  readonly #events: CollectorEvents;
  #lastId = '0-0';
  #lagSeconds: number | null = null;
  #pollMs = patientPollMs;
  #ended = false;
  #wake: AbortController | null = null;
  #loop: Promise<void> = Promise.resolve();

  constructor(redis: Redis, run: string, events: CollectorEvents) {
    this.#redis = redis;
    this.#stream = reportStream(run);
    this.#screening = new Screening(run);
    this.#events = events;
  }

  /** Everything that stands in the stream already is of an earlier incarnation: passed over. */
  async start(): Promise<void> {
    const last = await withDeadline(
      this.#redis.eval(
        "local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1); return last[1] and last[1][1] or '0-0'",
        1,
        this.#stream,
      ),
      callMs,
      'Cannot read the report stream',
    );
    this.#lastId = String(last);
    this.#loop = this.#run();
  }

  /** From now on only messages of this attempt are let in; null: none. */
  expect(expected: Expected | null): void {
    this.#screening.expect(expected);
    if (expected !== null) this.coverage.begin();
  }

  /** `hurry`: somebody waits for the next message. */
  hurry(hurry: boolean): void {
    this.#pollMs = hurry ? hurriedPollMs : patientPollMs;
    if (hurry) this.#wake?.abort();
  }

  /** The greatest age that the newest entry had when it was read, since last asked; null: none was read. */
  takeLagSeconds(): number | null {
    const lagSeconds = this.#lagSeconds;
    this.#lagSeconds = null;
    return lagSeconds;
  }

  async stop(): Promise<void> {
    this.#ended = true;
    this.#wake?.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const count = await this.#read().catch(() => 0);
      if (count === 0) await this.#pause();
    }
  }

  /** Redis may be away for a while; then the next read finds what was said. */
  async #read(): Promise<number> {
    const [time, entries] = (await withDeadline(
      this.#redis.eval(readScript, 1, this.#stream, this.#lastId, entriesARead, maxMessageBytes, bytesARead),
      callMs,
      'Cannot read the report stream',
    )) as [time: [seconds: string, microseconds: string], entries: [id: string, text?: string][]];
    this.#noteLag(time, entries.at(-1)?.[0]);
    for (const [id, text] of entries) {
      this.#lastId = id;
      this.#take(text ?? null);
    }
    // A burst must not keep timers and other connections waiting.
    if (entries.length === entriesARead) await sleep(1);
    return entries.length;
  }

  /** Ids begin with the millisecond of Redis' clock, and so does `time`: no other clock comes in. */
  #noteLag([seconds, microseconds]: readonly [string, string], newestId: string | undefined): void {
    if (newestId === undefined) return;
    const ageMs = Number(seconds) * 1000 + Number(microseconds) / 1000 - Number.parseInt(newestId, 10);
    this.#lagSeconds = Math.max(this.#lagSeconds ?? 0, ageMs / 1000);
  }

  #take(text: string | null): void {
    const screened = this.#screening.screen(text);
    if ('message' in screened) {
      this.coverage.received(screened.message, screened.lostBefore);
      this.#events.onMessage(screened.message);
      return;
    }
    const { refusal, sender, why } = screened;
    this.#events.onRefusal(refusal, why, sender, this.coverage.refuse(refusal));
    if (sender !== null && refusal !== 'quarantined' && this.#screening.isQuarantined(sender)) {
      this.coverage.quarantine(sender);
      this.#events.onQuarantine(sender);
    }
  }

  async #pause(): Promise<void> {
    this.#wake = new AbortController();
    await sleep(this.#pollMs, undefined, { signal: this.#wake.signal }).catch(() => {});
    this.#wake = null;
  }
}
