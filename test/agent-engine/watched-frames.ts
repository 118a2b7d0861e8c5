/** What comes in on a device while something else uses it: every TCP segment is looked at and left alone. */

import { openAfPacket } from '../../linux/af-packet.ts';
import { frameBatch } from '../../net/links/link.ts';

export interface SeenFrames {
  readonly segments: number;
  readonly resets: number;
}

const RST = 0x04;
const protocolTcp = 6;

/** @param device in this thread's network namespace. The kernel keeps 32 MiB of frames until `close`, which counts them. */
export function watchFrames(device: string): { close(): SeenFrames } {
  const link = openAfPacket({ devices: [device], match: null, threads: 1 });
  return {
    close: () => {
      const batch = frameBatch(256);
      const seen = { segments: 0, resets: 0 };
      for (let count = link.receive(batch, 0); count > 0; count = link.receive(batch, 0))
        for (let index = 0; index < count; index++) {
          const at = batch.at[index];
          const { memory } = link;
          if (memory[at + 12] === 8 && memory[at + 13] === 0 && memory[at + 23] === protocolTcp) {
            seen.segments++;
            const tcp = at + 14 + ((memory[at + 14] & 0xf) << 2);
            if ((memory[tcp + 13] & RST) !== 0) seen.resets++;
          }
          link.release(at);
        }
      const dropped = link.counters.overflows;
      link.close();
      if (dropped > 0)
        throw new Error(`${dropped} frames were not seen: the flood is too long for this test`);
      return seen;
    },
  };
}
