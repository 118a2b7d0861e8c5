import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../measurement/random.ts';
import { captureLink } from '../../net/links/capture-link.ts';
import { faultyLink } from '../../net/links/faulty-link.ts';
import { frameBatch } from '../../net/links/link.ts';
import { memoryLinkPair } from '../../net/links/memory-link.ts';
import { PcapWriter } from '../../net/links/pcap.ts';
import { arpRequest, receiveAll, send } from './frames-of-a-test.ts';
import { parsePcap } from './pcap-file.ts';

/** A frame there at 1.5 s, one back at 2 s. */
function captured(snapBytes?: number): Buffer {
  const pieces: Uint8Array[] = [];
  const [near, far] = memoryLinkPair();
  const link = captureLink(near, new PcapWriter((bytes) => pieces.push(bytes), snapBytes));
  send(link, arpRequest, 1_500_000.25);
  send(far, arpRequest, 2e6);
  assert.equal(link.receive(frameBatch(4), 2_000_001), 1);
  return Buffer.concat(pieces);
}

test('a capture is a pcap file: header, then a record a frame with its stamp in nanoseconds', () => {
  const file = captured();
  assert.equal(file.toString('hex', 0, 24), '4d3cb2a10200040000000000' + '00000000ffff000001000000');
  const { records, ...rest } = parsePcap(file);
  assert.deepEqual(rest, { snapBytes: 65_535, linkType: 1 });
  assert.deepEqual(records, [
    { timeNs: 1_500_000_250n, length: arpRequest.length, bytes: arpRequest },
    { timeNs: 2_000_001_000n, length: arpRequest.length, bytes: arpRequest },
  ]);
});

test('a capture has each frame once, as it was transmitted, whatever the inner link does to it', () => {
  const pieces: Uint8Array[] = [];
  const [near, far] = memoryLinkPair();
  const faulty = faultyLink(near, { corrupt: 1 }, seededRandom(1));
  const link = captureLink(faulty, new PcapWriter((bytes) => pieces.push(bytes)));
  send(link, arpRequest, 0);
  link.flush(1);
  assert.deepEqual(
    parsePcap(Buffer.concat(pieces)).records.map(({ bytes }) => bytes),
    [arpRequest],
  );
  assert.notDeepEqual(receiveAll(far, 1), [arpRequest]);
});

test('a snap length cuts what is kept, and the record says how long the frame was', () => {
  const [first] = parsePcap(captured(20)).records;
  assert.deepEqual(
    [first!.bytes, first!.length],
    [Buffer.from(arpRequest.subarray(0, 20)), arpRequest.length],
  );
});

test('PcapWriter: every frame comes back, with its time to the nanosecond', () => {
  const frame = fc.record({
    bytes: fc.uint8Array({ minLength: 1, maxLength: 100 }),
    ns: fc.integer({ min: 0, max: 2 ** 50 }),
  });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
      const pieces: Uint8Array[] = [];
      const writer = new PcapWriter((bytes) => pieces.push(bytes));
      const memory = new Uint8Array(256);
      frames.forEach(({ bytes, ns }, index) => {
        memory.set(bytes, index);
        writer.frame(memory, index, bytes.length, ns / 1000);
        // What was written is the reader's, whatever becomes of the memory.
        memory.fill(0xee);
      });
      const { records } = parsePcap(Buffer.concat(pieces));
      assert.deepEqual(
        records.map(({ bytes, length }) => [bytes.toString('hex'), length]),
        frames.map(({ bytes }) => [Buffer.from(bytes).toString('hex'), bytes.length]),
      );
      records.forEach(({ timeNs }, index) => {
        const wrongNs = Number(timeNs) - frames[index]!.ns;
        assert.equal(wrongNs, 0, `${timeNs} ns, wanted ${frames[index]!.ns} ns`);
      });
    }),
  );
});

test('PcapWriter: a time just before a second stays in its own', () => {
  const pieces: Uint8Array[] = [];
  new PcapWriter((bytes) => pieces.push(bytes)).frame(arpRequest, 0, arpRequest.length, 2_999_999.9999);
  assert.equal(parsePcap(Buffer.concat(pieces)).records[0]!.timeNs, 2_999_999_999n);
});

const noTcpdump = spawnSync('tcpdump', ['--version']).error !== undefined;

test('tcpdump reads a capture', {
  skip: noTcpdump && 'tcpdump is not installed (apt-get install tcpdump)',
}, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'stampede-pcap-'));
  context.after(() => rmSync(folder, { recursive: true, maxRetries: 20, retryDelay: 100 }));
  const path = join(folder, 'frames.pcap');
  writeFileSync(path, captured());
  const said = execFileSync('tcpdump', ['-n', '-tt', '--time-stamp-precision=nano', '-r', path], {
    encoding: 'utf8',
    stdio: 'pipe',
  });
  assert.match(said, /^1\.500000250 ARP, Request who-has 198\.18\.0\.1 tell 198\.18\.0\.2/m);
  assert.match(said, /^2\.000001000 ARP, Request who-has/m);
});
