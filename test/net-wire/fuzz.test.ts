/**
 * Frames that nobody sends: those of a kernel with bits turned, bytes and lengths replaced, pieces cut, repeated and
 * joined, checksums mended half of the time so that the change gets past them. A frame that leads somewhere new is
 * changed further.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../../measurement/random.ts';
import { frameText } from '../../net/wire/frame-text.ts';
import { Verdict, verdictNames } from '../../net/wire/verdict.ts';
import { forEachSeed } from '../net-simulation/seeds.ts';
import { FrameReader } from './frame-reader.ts';
import { kernelFrame, kernelFrameNames } from './kernel-frames.ts';
import { ipAt, mended, tcpAt } from './segment.ts';

const seeds = 8;
const framesPerSeed = 30_000;
const longest = 2_048;
/** Bytes that headers and options treat in a way of their own. */
const telling = [0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 15, 0x40, 0x45, 0x4f, 0x50, 0x7f, 0x80, 0xf0, 0xfd, 0xff];
/** Version and lengths, fragment, protocol; data offset; first options; ICMP type and quoted header. */
const tellingPlaces = [
  12,
  13,
  ipAt,
  16,
  17,
  20,
  21,
  23,
  26,
  tcpAt,
  35,
  42,
  tcpAt + 12,
  46,
  47,
  54,
  55,
  56,
  58,
  66,
  74,
];

type Random = () => number;

const below = (random: Random, limit: number): number => Math.floor(random() * limit);
const oneOf = <Item>(random: Random, items: readonly Item[]): Item => items[below(random, items.length)];

const mutations: readonly ((frame: Uint8Array, random: Random, other: Uint8Array) => Uint8Array)[] = [
  function bitTurned(frame, random) {
    frame[below(random, frame.length)] ^= 1 << below(random, 8);
    return frame;
  },
  function byteReplaced(frame, random) {
    frame[below(random, frame.length)] = oneOf(random, telling);
    return frame;
  },
  function fieldReplaced(frame, random) {
    const at = oneOf(random, tellingPlaces);
    if (at < frame.length) frame[at] = random() < 0.5 ? oneOf(random, telling) : below(random, 256);
    return frame;
  },
  function cut(frame, random) {
    return frame.slice(0, below(random, frame.length + 1));
  },
  function lengthened(frame, random) {
    const longer = new Uint8Array(Math.min(longest, frame.length + below(random, 64))).fill(
      below(random, 256),
    );
    longer.set(frame.subarray(0, longer.length));
    return longer;
  },
  function lengthMended(frame) {
    const length = frame.length - ipAt;
    if (length < 20) return frame;
    frame[ipAt + 2] = length >>> 8;
    frame[ipAt + 3] = length;
    return frame;
  },
  function moved(frame, random) {
    frame.copyWithin(below(random, frame.length), below(random, frame.length), below(random, frame.length));
    return frame;
  },
  function joined(frame, random, other) {
    const at = below(random, Math.min(frame.length, other.length));
    frame.set(other.subarray(at, frame.length), at);
    return frame;
  },
  function noise(frame, random) {
    const from = below(random, frame.length);
    for (let at = from; at < Math.min(frame.length, from + 40); at++) frame[at] = below(random, 256);
    return frame;
  },
];

/** Where a frame led: layer, verdict, and the forms of header that decide the way. */
function wayOf(reader: FrameReader, verdict: Verdict): string {
  const { layer, ip, tcp, options, icmp } = reader;
  const way = `${layer} ${verdictNames[verdict]}`;
  if (verdict !== Verdict.ok) return way;
  if (layer === 'icmp') return `${way} ${icmp.type} ${icmp.quotesTcp}`;
  if (layer !== 'tcp') return way;
  const { mss, windowScale, sackPermitted, hasTimestamps } = options;
  return [way, ip.headerBytes, tcp.headerBytes, mss > 0, windowScale, sackPermitted, hasTimestamps].join(' ');
}

/** Of a frame that was read as good: every place it names lies in it, every value in its field. */
function assertInside(reader: FrameReader, at: number, end: number): void {
  const { layer, ip, tcp } = reader;
  if (layer === 'arp') return;
  assert.ok(ip.payloadAt >= at + 34 && ip.payloadAt <= ip.payloadEnd && ip.payloadEnd <= end, 'IP payload');
  assert.equal(ip.payloadLength, ip.payloadEnd - ip.payloadAt);
  if (layer !== 'tcp') return;
  assert.equal(tcp.optionsAt, ip.payloadAt + 20);
  assert.ok(tcp.optionBytes >= 0 && tcp.optionBytes <= 40 && tcp.optionBytes % 4 === 0, 'options');
  assert.equal(tcp.payloadAt, tcp.optionsAt + tcp.optionBytes);
  assert.ok(tcp.payloadLength >= 0, 'payload');
  assert.equal(tcp.payloadAt + tcp.payloadLength, ip.payloadEnd);
}

test(`no frame is read past its end, misread, or thrown at: ${seeds * framesPerSeed} frames`, () => {
  const verdicts = new Set<Verdict>();
  const memory = new Uint8Array(longest);
  const reader = new FrameReader();
  forEachSeed(seeds, (seed) => {
    const random = seededRandom(seed, 'frames');
    const frames: Uint8Array[] = kernelFrameNames.map(kernelFrame);
    const ways = new Set<string>();
    for (let made = 0; made < framesPerSeed; made++) {
      let frame = Uint8Array.from(oneOf(random, frames));
      for (let changes = below(random, 4); changes >= 0 && frame.length > 0; changes--)
        frame = oneOf(random, mutations)(frame, random, oneOf(random, frames)) as typeof frame;
      if (random() < 0.5) mended(frame);

      // At the very end of the memory: what reads on throws a RangeError.
      const at = longest - frame.length;
      memory.set(frame, at);
      const verdict = reader.read(new DataView(memory.buffer, at), 0, frame.length);
      if (verdict === Verdict.ok) assertInside(reader, 0, frame.length);
      verdicts.add(verdict);
      const way = wayOf(reader, verdict);
      if (!ways.has(way)) {
        ways.add(way);
        if (frame.length > 0) frames.push(frame);
        assert.ok(frameText(memory, at, frame.length).length > 0);
      }
    }
  });
  const missed = verdictNames.filter((name) => name !== 'notForUs' && !verdicts.has(Verdict[name]));
  assert.deepEqual(missed, [], 'every verdict was reached');
});
