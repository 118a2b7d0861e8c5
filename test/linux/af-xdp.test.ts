/** What AF_XDP alone does or refuses: queues, several devices as one link, long frames, addresses of its own. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLink, openPreparedLink, prepareLink } from '../../linux/open-link.ts';
import type { KernelLink } from '../../net/links/link.ts';
import { echoRequest, segmentFrame } from './frames.ts';
import { answered, linkOn, pass, request, toLeft, watchRight } from './link-ends.ts';
import { inNamespaces, leftAddress, twoNamespaces } from './two-namespaces.ts';

test('AF_XDP answers on the queue that a frame came by', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t, { queues: 4 });
  const open = (side: 'left' | 'right'): KernelLink[] => {
    const prepared = namespaces[side].inside(() => prepareLink(request(side, 'af_xdp', 4)));
    const links = [0, 1, 2, 3].map((thread) =>
      namespaces[side].inside(() => openPreparedLink(prepared.ground, thread)),
    );
    t.after(() => {
      for (const link of links) link.close();
      prepared.close();
    });
    return links;
  };
  const [left, right] = [open('left'), open('right')];
  for (let index = 0; index < 64; index++) {
    const fields = { ...toLeft, fromPort: 3000 + index, number: index };
    const queue = fields.fromPort % 4;
    pass(right[queue] as KernelLink, left[queue] as KernelLink, [segmentFrame(fields)]);
    pass(left[queue] as KernelLink, right[queue] as KernelLink, [segmentFrame(answered(fields))]);
  }
});

test(
  'AF_XDP shares a device with nobody, and AF_PACKET is taken instead: with the reason',
  inNamespaces,
  (t) => {
    const namespaces = twoNamespaces(t);
    linkOn(t, namespaces, 'left', 'af_xdp');
    const second = namespaces.left.inside(() => openLink(request('left', 'auto')));
    t.after(() => second.close());
    assert.equal(second.chosen, 'af_packet on left');
    assert.equal(second.refused[0]?.kind, 'af_xdp');
    assert.match(second.refused[0]?.reason ?? '', /to "left" \(it has one already;.*: EBUSY/);
    const right = namespaces.right.inside(() => openLink(request('right', 'auto')));
    t.after(() => right.close());
    assert.deepEqual([right.chosen, right.refused], ['af_xdp (native) on right', []]);
  },
);

test('AF_XDP refuses a device whose frames are too long for it', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  for (const side of ['left', 'right'] as const)
    namespaces[side].run('ip', 'link', 'set', side, 'mtu', '9000');
  assert.throws(
    () => namespaces.left.inside(() => openLink(request('left', 'af_xdp'))),
    /Cannot use AF_XDP on "left": its MTU is 9000; wanted at most 3826, for a frame must fit in one page\. "ip link set left mtu 1500"/,
  );
  for (const side of ['left', 'right'] as const)
    namespaces[side].run('ip', 'link', 'set', side, 'mtu', '3000');
  const left = linkOn(t, namespaces, 'left', 'af_xdp');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  const long = new Uint8Array(3014).fill(7);
  long.set(segmentFrame(toLeft).subarray(0, 54));
  pass(right, left, [long]);
});

test('AF_XDP takes whole addresses that the kernel does not hold, ARP and ping too', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  const stranger = (leftAddress & ~0xff) | 77;
  const opened = namespaces.left.inside(() =>
    openLink({ ...request('left', 'af_xdp'), addresses: Uint32Array.of(stranger >>> 0) }),
  );
  t.after(() => opened.close());
  assert.equal(opened.kernelAnswers, false);
  const watching = watchRight(t, namespaces);
  const fields = { ...toLeft, to: stranger >>> 0, toPort: 1 };
  pass(watching, opened.link, [segmentFrame(fields), echoRequest(fields)]);
});

test('AF_XDP makes one link of several devices: an answer goes where its neighbour is', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t, { queues: 2 });
  namespaces.left.run(
    ...(['ip', 'link', 'add', 'name', 'left2', 'address', '02:c6:12:07:00:01', 'type', 'veth'] as const),
    ...['peer', 'name', 'right2', 'address', '02:c6:12:07:00:04', 'netns', namespaces.right.path],
  );
  namespaces.left.run('ip', 'link', 'set', 'left2', 'up');
  namespaces.right.run('ip', 'address', 'add', '198.18.6.2/24', 'dev', 'right2');
  namespaces.right.run('ip', 'link', 'set', 'right2', 'up');
  const opened = namespaces.left.inside(() =>
    openLink({ ...request('left', 'af_xdp'), devices: ['left', 'left2'] }),
  );
  t.after(() => opened.close());
  assert.equal(opened.chosen, 'af_xdp (native) on left, left2');
  assert.equal(opened.link.name, 'af_xdp:left+left2');
  const right = linkOn(t, namespaces, 'right', 'af_xdp');
  const second = namespaces.right.inside(() =>
    openLink({
      ...request('right', 'af_xdp'),
      devices: ['right2'],
      addresses: Uint32Array.of(0xc612_0602),
    }),
  );
  t.after(() => second.close());
  for (let index = 0; index < 32; index++) {
    const first = { ...toLeft, fromPort: 5000 + index, number: index };
    const other = { ...first, fromHardware: Uint8Array.of(2, 0xc6, 0x12, 7, 0, 4), from: 0xc612_0602 };
    pass(right, opened.link, [segmentFrame(first)]);
    pass(second.link, opened.link, [segmentFrame(other)]);
    pass(opened.link, second.link, [segmentFrame(answered(other))]);
    pass(opened.link, right, [segmentFrame(answered(first))]);
  }
  namespaces.left.run('ip', 'link', 'set', 'left2', 'address', '02:c6:12:07:00:07');
  assert.throws(
    () =>
      namespaces.left.inside(() => openLink({ ...request('left', 'af_xdp'), devices: ['left', 'left2'] })),
    /Cannot use left, left2 as one link: their hardware addresses differ/,
  );
});

test('AF_XDP gives no link to a thread that no queue is left for', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t, { queues: 2 });
  assert.throws(
    () => namespaces.left.inside(() => prepareLink(request('left', 'af_xdp', 3))),
    /Cannot give 3 threads a queue each: left have at most 2/,
  );
});

test('AF_XDP does without a driver, by the generic program, and says so', inNamespaces, (t) => {
  const namespaces = twoNamespaces(t);
  // On the loopback device there is no native XDP.
  namespaces.left.run('ip', 'link', 'set', 'lo', 'mtu', '1500');
  const opened = namespaces.left.inside(() =>
    openLink({ ...request('left', 'af_xdp'), devices: ['lo'], addresses: Uint32Array.of(0x7f00_0001) }),
  );
  t.after(() => opened.close());
  assert.equal(opened.chosen, 'af_xdp (generic, native was refused: EOPNOTSUPP) on lo');
  const zeros = new Uint8Array(6);
  const fields = { ...toLeft, toHardware: zeros, fromHardware: zeros, to: 0x7f00_0001 };
  pass(opened.link, opened.link, [segmentFrame(fields)]);
});
