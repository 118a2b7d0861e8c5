import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { captureLink } from '../../net/links/capture-link.ts';
import { frameBatch, type KernelLink } from '../../net/links/link.ts';
import { kernelLinkAround } from '../../net/links/link-around.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { PcapWriter } from '../../net/links/pcap.ts';
import { traceLink } from '../../net/links/trace-link.ts';

/** ARP, who has 198.18.0.1, from 198.18.0.2. */
const request = Buffer.from(
  'ffffffffffff02000000000208060001080006040001020000000002c6120002000000000000c6120001',
  'hex',
);

function captured(snapBytes?: number): Buffer {
  const pieces: Uint8Array[] = [];
  const [near, far] = memoryLinkPair();
  const link = captureLink(near, new PcapWriter((bytes) => pieces.push(bytes), snapBytes));
  const at = link.allocate();
  link.memory.set(request, at);
  link.transmit(at, request.length);
  // The capture has what was transmitted, whatever becomes of the frame.
  link.flush(1_500_000.25);
  const back = far.allocate();
  far.memory.set(request, back);
  far.transmit(back, request.length);
  far.flush(2e6);
  assert.equal(link.receive(frameBatch(4), 2_000_001), 1);
  return Buffer.concat(pieces);
}

test('a capture is a pcap file: header, then a record a frame with its stamp in nanoseconds', () => {
  const file = captured();
  assert.equal(file.readUInt32LE(0), 0xa1b23c4d);
  assert.deepEqual([file.readUInt16LE(4), file.readUInt16LE(6), file.readUInt32LE(20)], [2, 4, 1]);
  const first = file.subarray(24);
  assert.deepEqual(
    [0, 4, 8, 12].map((offset) => first.readUInt32LE(offset)),
    [1, 500_000_250, request.length, request.length],
  );
  assert.deepEqual(first.subarray(16, 16 + request.length), request);
  const second = first.subarray(16 + request.length);
  assert.deepEqual([second.readUInt32LE(0), second.readUInt32LE(4)], [2, 1_000]);
  assert.equal(second.length, 16 + request.length);
});

test('a snap length cuts what is kept, and the record says how long the frame was', () => {
  const first = captured(20).subarray(24);
  assert.deepEqual([first.readUInt32LE(8), first.readUInt32LE(12)], [20, request.length]);
});

const noTcpdump = spawnSync('tcpdump', ['--version']).error !== undefined;

test('tcpdump reads a capture', {
  skip: noTcpdump && 'tcpdump is not installed (apt-get install tcpdump)',
}, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'stampede-pcap-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'frames.pcap');
  writeFileSync(path, captured());
  const said = execFileSync('tcpdump', ['-n', '-tt', '--time-stamp-precision=nano', '-r', path], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  assert.match(said, /^1\.500000250 ARP, Request who-has 198\.18\.0\.1 tell 198\.18\.0\.2/m);
});

test('a trace says every frame with its time and its way', () => {
  const lines: string[] = [];
  const [near, far] = memoryLinkPair();
  const link = traceLink(near, (line) => lines.push(line));
  const at = link.allocate();
  link.memory.set(request, at);
  link.transmit(at, request.length);
  link.flush(1_500);
  assert.equal(far.receive(frameBatch(1), 1_500), 1);
  far.transmit(at, request.length);
  far.flush(1_750);
  link.receive(frameBatch(1), 1_750);
  assert.equal(lines.length, 2);
  assert.match(lines[0]!, /^1\.500 > .*198\.18\.0\.1.*198\.18\.0\.2/);
  assert.match(lines[1]!, /^1\.750 < /);
});

test("a wrapped kernel's link is one: it sleeps on the inner one, and its frames pass the wrapper", () => {
  const [near, far] = memoryLinkPair();
  const waits: number[] = [];
  const kernel: KernelLink = Object.assign(near, {
    name: 'af_xdp:test0',
    wait: (mostMs: number) => void waits.push(mostMs),
  });
  const lines: string[] = [];
  const link = kernelLinkAround(kernel, (inner) => traceLink(inner, (line) => lines.push(line)));
  assert.equal(link.name, 'af_xdp:test0');
  link.wait(7);
  assert.deepEqual(waits, [7]);
  const at = link.allocate();
  link.memory.set(request, at);
  link.transmit(at, request.length);
  link.flush(0);
  assert.equal(far.receive(frameBatch(1), 0), 1);
  assert.equal(lines.length, 1);
});
