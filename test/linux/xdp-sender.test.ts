/** Frames sent many at a time by an XDP program: which are, which are not, and that each arrives as it was. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceIndex } from '../../linux/device-settings.ts';
import { openLink } from '../../linux/open-link.ts';
import { XdpFeatures } from '../../linux/xdp-features.ts';
import type { KernelLink } from '../../net/links/link.ts';
import { collect, segmentFrame, send } from './frames.ts';
import { answered, framesOf, linkOn, request, toLeft } from './link-ends.ts';
import { inNamespaces, leftAddress, twoNamespaces } from './two-namespaces.ts';

function sentBy(link: KernelLink): { readonly sentTogether: number; readonly transmitted: number } {
  const { sentTogether = 0, transmitted } = link.counters;
  return { sentTogether, transmitted };
}

/** So many frames in one flush; all must come, in order. @returns how many of them were sent together. */
function exchange(from: KernelLink, to: KernelLink, frames: readonly Uint8Array[]): number {
  const before = sentBy(from).sentTogether;
  for (const frame of frames) assert.ok(send(from, frame));
  from.flush(0);
  const came = collect(to, frames.length, 10_000);
  assert.deepEqual(
    came.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    frames.map((frame) => Buffer.from(frame).toString('hex')),
  );
  return sentBy(from).sentTogether - before;
}

/** Of every length from an Ethernet header's on, with the number of each in it. */
function framesOfLengths(lengths: readonly number[], fields = toLeft): Uint8Array[] {
  return lengths.map((length, number) => {
    const frame = new Uint8Array(length).fill(number);
    frame.set(segmentFrame({ ...fields, number }));
    return frame;
  });
}

/** It asks about its devices every 500 flushes. */
function lookAgain(link: KernelLink): void {
  for (let flushes = 0; flushes <= 500; flushes++) link.flush(0);
}

const lengths = Array.from({ length: 150 }, (_, index) => 58 + index * 9).map((length) =>
  Math.min(length, 1514),
);

test('many frames go together, few by the ring, and all arrive in order', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const left = linkOn(t, namespaces, 'left', 'af_xdp');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  const free = framesOf(right);
  // The first flush finds out that the other end takes them.
  assert.equal(exchange(right, left, framesOfLengths([60])), 0);
  for (let turn = 1; turn <= 20; turn++) {
    assert.equal(exchange(right, left, framesOfLengths(lengths)), lengths.length);
    assert.equal(exchange(right, left, framesOfLengths(lengths.slice(0, 3))), 0);
  }
  assert.equal(framesOf(right), free);
  assert.equal(sentBy(right).transmitted, 1 + 20 * (lengths.length + 3));
  // Both ends can.
  left.flush(0);
  assert.equal(exchange(left, right, framesOfLengths(lengths, answered(toLeft))), lengths.length);
});

test('more frames than the list holds go in two calls', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const left = linkOn(t, namespaces, 'left', 'af_xdp');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  right.flush(0);
  const frame = segmentFrame(toLeft);
  let came = 0;
  const count = 3000;
  for (let sent = 0; sent < count; sent++) {
    assert.ok(send(right, frame));
    // The other end has room for some 2,000.
    if (sent % 1000 === 999) came += collect(left, 1000, 1000).length;
  }
  right.flush(0);
  came += collect(left, count - came, 10_000).length;
  assert.deepEqual([came, sentBy(right).sentTogether], [count, count]);
});

test('a device that takes no such frames any more gets them by its ring', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  const features = namespaces.right.inside(() => new XdpFeatures([deviceIndex('right')]));
  t.after(() => features.close());
  const frames = framesOfLengths(lengths.slice(0, 40));
  const sentNow = (): number => {
    const before = sentBy(right).sentTogether;
    for (const frame of frames) assert.ok(send(right, frame));
    right.flush(0);
    return sentBy(right).sentTogether - before;
  };
  assert.equal(features.takeFrames(), false);
  assert.deepEqual([sentNow(), sentNow()], [0, 0]);
  const opened = namespaces.left.inside(() => openLink(request('left', 'af_xdp')));
  assert.equal(features.takeFrames(), true);
  assert.equal(exchange(right, opened.link, frames), 0);
  lookAgain(right);
  assert.equal(exchange(right, opened.link, frames), frames.length);
  opened.close();
  assert.equal(features.takeFrames(), false);
  lookAgain(right);
  assert.equal(sentNow(), 0);
  const gone = namespaces.right.inside(() => new XdpFeatures([999]));
  t.after(() => gone.close());
  assert.equal(gone.takeFrames(), false);
});

test('a device of several queues sends by its rings', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t, { queues: 2 });
  const left = linkOn(t, namespaces, 'left', 'af_xdp');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  right.flush(0);
  const frames = framesOfLengths(lengths.slice(0, 40));
  assert.equal(exchange(right, left, frames), 0);
  assert.equal(right.togetherRefused, '"right" has 2 queues; wanted 1');
});

test('what a device drops of frames sent together is counted', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const left = linkOn(t, namespaces, 'left', 'af_xdp');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  right.flush(0);
  // Its interrupts are then a thread's, which does not keep up.
  const threaded = 'mount -t sysfs none /sys && echo 1 > /sys/class/net/left/threaded';
  namespaces.left.run('unshare', '--mount', '--propagation', 'private', 'sh', '-c', threaded);
  const frame = segmentFrame(toLeft);
  const count = 1_500;
  for (let sent = 0; sent < count; sent++) assert.ok(send(right, frame));
  right.flush(0);
  const came = collect(left, count, 300).length;
  assert.equal(sentBy(right).sentTogether, count);
  assert.equal(came + right.counters.overflows + left.counters.overflows, count);
});

test(
  'without CAP_SYS_ADMIN frames go by the ring, a link says why, and nothing is left behind',
  inNamespaces,
  (t) => {
    const namespaces = twoNamespaces(t);
    const program = `
    import { readdirSync, readFileSync } from 'node:fs';
    const { openLink } = await import(process.argv[1]);
    const held = () => [
      readFileSync('/proc/self/maps', 'latin1').split('bpf-map').length,
      readdirSync('/proc/self/fd').length,
    ];
    const openAndClose = () => {
      const opened = openLink(${JSON.stringify({ ...request('left', 'af_xdp'), addresses: undefined })
        .slice(0, -1)
        .concat(`, "addresses": Uint32Array.of(${leftAddress}) }`)});
      const { togetherRefused } = opened.link;
      opened.close();
      return togetherRefused;
    };
    const refused = openAndClose();
    const before = held();
    for (let round = 0; round < 5; round++) openAndClose();
    console.log(JSON.stringify({ refused, before, after: held() }));`;
    const said = JSON.parse(
      namespaces.left.run(
        ...(['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'] as const),
        ...[process.execPath, '--input-type=module', '-e', program],
        new URL('../../linux/open-link.js', import.meta.url).href,
      ),
    ) as { refused: string | null; before: number[]; after: number[] };
    assert.equal(said.refused, 'Cannot make a network namespace: EPERM');
    assert.deepEqual(said.after, said.before);
  },
);
