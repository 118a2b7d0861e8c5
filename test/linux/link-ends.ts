/** Links on both ends of a veth pair, what is sent between them, and what is looked at. */

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { openAfPacket } from '../../linux/af-packet.ts';
import type { LinkKind, LinkRequest } from '../../linux/links.ts';
import { openLink } from '../../linux/open-link.ts';
import type { KernelLink } from '../../net/links/link.ts';
import { collect, type FrameFields, send } from './frames.ts';
import {
  leftAddress,
  leftHardware,
  rightAddress,
  rightHardware,
  type TwoNamespaces,
} from './two-namespaces.ts';

export const port = 8080;

/** Of the link's end; the other is at the other. */
export function request(side: 'left' | 'right', wish: LinkRequest['wish'], threads = 1): LinkRequest {
  return {
    wish,
    devices: [side],
    role: side === 'left' ? 'server' : 'client',
    port,
    addresses: Uint32Array.of(side === 'left' ? leftAddress : rightAddress),
    threads,
  };
}

export function linkOn(
  t: TestContext,
  namespaces: TwoNamespaces,
  side: 'left' | 'right',
  wish: LinkKind,
): KernelLink {
  const opened = namespaces[side].inside(() => openLink(request(side, wish)));
  t.after(() => opened.close());
  return opened.link;
}

export const toLeft: FrameFields = {
  toHardware: leftHardware,
  fromHardware: rightHardware,
  from: rightAddress,
  to: leftAddress,
  fromPort: 40_000,
  toPort: port,
  number: 0,
};

export function answered(fields: FrameFields): FrameFields {
  return {
    toHardware: fields.fromHardware,
    fromHardware: fields.toHardware,
    from: fields.to,
    to: fields.from,
    fromPort: fields.toPort,
    toPort: fields.fromPort,
    number: fields.number,
  };
}

/** How many frames can be had at once. */
export function framesOf(link: KernelLink): number {
  const taken: number[] = [];
  for (let at = link.allocate(); at >= 0; at = link.allocate()) taken.push(at);
  for (const at of taken) link.release(at);
  return taken.length;
}

/** Sends frames a few at a time and receives them: none is lost that way, however slow the machine. */
export function pass(from: KernelLink, to: KernelLink, frames: readonly Uint8Array[]): void {
  for (let at = 0; at < frames.length; at += 32) {
    const some = frames.slice(at, at + 32);
    for (const frame of some) assert.ok(send(from, frame));
    from.flush(0);
    const came = collect(to, some.length, 10_000);
    assert.deepEqual(
      came.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort(),
      some.map((frame) => Buffer.from(frame).toString('hex')).sort(),
    );
  }
}

/** What comes to `right`, all of it. */
export function watchRight(t: TestContext, namespaces: TwoNamespaces): KernelLink {
  const link = namespaces.right.inside(() => openAfPacket({ devices: ['right'], match: null, threads: 1 }));
  t.after(() => link.close());
  return link;
}
