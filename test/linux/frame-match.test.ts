import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSocketMap, loadProgram } from '../../linux/bpf.ts';
import { type FrameMatch, prefixOf } from '../../linux/frame-match.ts';
import { shieldProgram } from '../../linux/kernel-shield.ts';
import { closeDescriptor } from '../../linux/sockets.ts';
import { redirectProgram } from '../../linux/xdp-redirect.ts';
import { testRun } from './bpf-test-run.ts';
import { segmentFrame } from './frames.ts';

const noRights = process.getuid?.() !== 0 && 'only root may load programs';

const own = 0xc612_0001;
const peer = 0xc612_0402;
const base = {
  toHardware: Uint8Array.of(2, 0, 0, 0, 0, 1),
  fromHardware: Uint8Array.of(2, 0, 0, 0, 0, 2),
  from: peer,
  to: own,
  fromPort: 40_000,
  toPort: 8080,
  number: 7,
};
const good = segmentFrame(base);

/** The frame, with bytes from `at` on replaced. */
function changed(at: number, ...bytes: number[]): Uint8Array {
  const frame = good.slice();
  frame.set(bytes, at);
  return frame;
}

/** The frame, with `words` words of options in its IPv4 header. */
function withOptions(words: number): Uint8Array {
  const frame = new Uint8Array(good.byteLength + words * 4);
  frame.set(good.subarray(0, 34));
  frame.fill(1, 34, 34 + words * 4);
  frame.set(good.subarray(34), 34 + words * 4);
  frame[14] = 0x40 | (5 + words);
  frame[17] = frame.byteLength - 14;
  return frame;
}

function tagged(): Uint8Array {
  const frame = new Uint8Array(good.byteLength + 4);
  frame.set(good.subarray(0, 12));
  frame.set([0x81, 0, 0, 5], 12);
  frame.set(good.subarray(12), 16);
  return frame;
}

/** Asks for `target`. */
function arp(target: number): Uint8Array {
  const frame = new Uint8Array(42);
  const view = new DataView(frame.buffer);
  frame.fill(0xff, 0, 6);
  frame.set(base.fromHardware, 6);
  view.setUint16(12, 0x0806);
  frame.set([0, 1, 8, 0, 6, 4, 0, 1], 14);
  view.setUint32(28, peer);
  view.setUint32(38, target);
  return frame;
}

const server: FrameMatch & { tcp: object } = {
  local: { address: own, bits: 32 },
  tcp: { role: 'server', port: 8080 },
};
const client: FrameMatch & { tcp: object } = {
  local: { address: own, bits: 32 },
  tcp: { role: 'client', port: 40_000 },
};
const anywhere: FrameMatch & { tcp: object } = { ...server, local: { address: 0, bits: 0 } };
const network: FrameMatch & { tcp: object } = { ...server, local: { address: 0xc612_0000, bits: 22 } };
const whole: FrameMatch = { local: { address: 0xc612_0000, bits: 22 }, tcp: null };

const table: readonly [what: string, frame: Uint8Array, hits: readonly FrameMatch[]][] = [
  ['a segment', good, [server, client, anywhere, network, whole]],
  ['another port of ours', segmentFrame({ ...base, toPort: 8081 }), [client, whole]],
  ['another port of theirs', segmentFrame({ ...base, fromPort: 40_001 }), [server, anywhere, network, whole]],
  ['the ports the wrong way round', segmentFrame({ ...base, fromPort: 8080, toPort: 40_000 }), [whole]],
  ['a neighbour of ours', segmentFrame({ ...base, to: own + 1 }), [anywhere, network, whole]],
  ['the last of the network', segmentFrame({ ...base, to: 0xc612_03ff }), [anywhere, network, whole]],
  ['the next network', segmentFrame({ ...base, to: 0xc612_0400 }), [anywhere]],
  ['one word of IP options', withOptions(1), [server, client, anywhere, network, whole]],
  ['ten words of IP options', withOptions(10), [server, client, anywhere, network, whole]],
  ['an IP header of four words', changed(14, 0x44), [whole]],
  ['an IP header longer than the frame', changed(14, 0x4f), [whole]],
  ['IP version 5', changed(14, 0x55), [whole]],
  ['the first fragment', changed(20, 0x20, 0), [server, client, anywhere, network, whole]],
  ['a later fragment', changed(20, 0x20, 1), [whole]],
  ['the last fragment', changed(20, 0x1f, 0xff), [whole]],
  ['UDP', changed(23, 17), [whole]],
  ['ICMP', changed(23, 1), [whole]],
  ['IPv6', changed(12, 0x86, 0xdd), []],
  ['a VLAN tag', tagged(), []],
  ['a frame cut before the ports', good.slice(0, 37), [whole]],
  ['a frame cut in its IP header', good.slice(0, 33), []],
  ['ARP for us', arp(own), [whole]],
  ['ARP for another', arp(0xc612_0400), []],
];

const XDP_DROP = 1;
const XDP_PASS = 2;
const TCX_NEXT = -1;
const TCX_DROP = 2;

test('an XDP redirect takes what is for its TCP, and passes the rest to the kernel', {
  skip: noRights,
}, () => {
  const map = createSocketMap(1);
  for (const match of [server, client, anywhere, network, whole]) {
    const program = loadProgram('XDP', redirectProgram(match, map));
    // Without a socket on the queue, a redirected frame is dropped.
    for (const [what, frame, hits] of table)
      assert.equal(
        testRun(program, frame),
        hits.includes(match) ? XDP_DROP : XDP_PASS,
        `${what}, ${JSON.stringify(match)}`,
      );
    closeDescriptor(program);
  }
  closeDescriptor(map);
});

test("a kernel's shield drops what is for the user-level TCP, and nothing else", { skip: noRights }, () => {
  for (const match of [server, client, anywhere, network]) {
    const program = loadProgram('traffic class', shieldProgram(match));
    // The kernel makes no socket buffer of less than an IP header.
    for (const [what, frame, hits] of table.filter(([, { byteLength }]) => byteLength >= 34))
      assert.equal(
        testRun(program, frame),
        hits.includes(match) ? TCX_DROP : TCX_NEXT,
        `${what}, ${JSON.stringify(match)}`,
      );
    closeDescriptor(program);
  }
});

test('prefixOf() is the longest prefix that holds all addresses', () => {
  const prefix = (...addresses: number[]) => prefixOf(Uint32Array.from(addresses));
  assert.deepEqual(prefix(0xc612_0001), { address: 0xc612_0001, bits: 32 });
  assert.deepEqual(prefix(0xc612_0002, 0xc612_0003), { address: 0xc612_0002, bits: 31 });
  assert.deepEqual(prefix(0xc612_0001, 0xc612_0002), { address: 0xc612_0000, bits: 30 });
  assert.deepEqual(prefix(0xc612_0002, 0xc612_03fe, 0xc612_0100), { address: 0xc612_0000, bits: 22 });
  assert.deepEqual(prefix(0x7f00_0001, 0x8000_0001), { address: 0, bits: 0 });
  assert.deepEqual(prefix(0, 0x7fff_ffff), { address: 0, bits: 1 });
});
