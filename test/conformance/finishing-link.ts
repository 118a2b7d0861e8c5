/**
 * A link that finishes TCP checksums which their sender has left to its device. A kernel at the other end of a veth pair
 * does so unless it is told not to ("ethtool --offload DEVICE tx off"), and an XDP program is not told which: but what is
 * unfinished holds the sum of the pseudo header, and one wrong checksum in 65,536 does.
 */

import { finishChecksum } from '../../linux/unfinished-checksum.ts';
import type { FrameBatch, Link } from '../../net/links/link.ts';
import { LinkAround } from '../../net/links/link-around.ts';
import { fold, pseudoHeader } from '../../net/wire/checksum.ts';

const ethernetBytes = 14;
const protocolTcp = 6;
const checksumAt = 16;

export class FinishingLink extends LinkAround {
  readonly #view: DataView;

  constructor(inner: Link) {
    super(inner);
    const { buffer, byteOffset, byteLength } = inner.memory;
    this.#view = new DataView(buffer, byteOffset, byteLength);
  }

  override receive(batch: FrameBatch, nowUs: number): number {
    const count = this.inner.receive(batch, nowUs);
    for (let index = 0; index < count; index++)
      if (isUnfinished(this.#view, batch.at[index], batch.length[index]))
        finishChecksum(this.#view, batch.at[index], batch.length[index]);
    return count;
  }
}

function isUnfinished(view: DataView, at: number, length: number): boolean {
  const ip = at + ethernetBytes;
  if (length < ethernetBytes + 40 || view.getUint16(at + 12) !== 0x0800) return false;
  if (view.getUint8(ip) >>> 4 !== 4 || view.getUint8(ip + 9) !== protocolTcp) return false;
  const header = (view.getUint8(ip) & 0xf) << 2;
  const tcpBytes = view.getUint16(ip + 2) - header;
  if (tcpBytes < 20 || header + tcpBytes > length - ethernetBytes) return false;
  const sum = pseudoHeader(view.getUint32(ip + 12), view.getUint32(ip + 16), protocolTcp, tcpBytes);
  return view.getUint16(ip + header + checksumAt) === fold(sum);
}
