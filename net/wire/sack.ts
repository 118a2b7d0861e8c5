/** The SACK option (RFC 2018): which bytes came though some before them are missing. */

const endKind = 0;
const noneKind = 1;
const sackKind = 5;

/** Blocks that fit into the options of a segment. */
export const mostSackBlocks = 4;

/** Sequence numbers, int32: each block is from `from` to before `to`. */
export interface SackBlocks {
  count: number;
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export function sackBlocks(): SackBlocks {
  return { count: 0, from: new Int32Array(mostSackBlocks), to: new Int32Array(mostSackBlocks) };
}

/** Bytes of the option with so many blocks, two fillers included. */
export function sackBytes(count: number): number {
  return 4 + 8 * count;
}

/** Reads the option among those from `from` to before `end`; a length that cannot be ends the reading. */
export function readSack(memory: DataView, from: number, end: number, out: SackBlocks): void {
  out.count = 0;
  let at = from;
  while (end - at >= 2) {
    const kind = memory.getUint8(at);
    if (kind === endKind) return;
    if (kind === noneKind) {
      at++;
      continue;
    }
    const length = memory.getUint8(at + 1);
    if (length < 2 || length > end - at) return;
    if (kind === sackKind && (length & 7) === 2) {
      const count = Math.min((length - 2) >> 3, mostSackBlocks);
      for (let block = 0; block < count; block++) {
        out.from[block] = memory.getInt32(at + 2 + 8 * block);
        out.to[block] = memory.getInt32(at + 6 + 8 * block);
      }
      out.count = count;
      return;
    }
    at += length;
  }
}

/** Writes the option, fillers first. @returns its bytes, a multiple of 4. */
export function emitSack(memory: DataView, at: number, blocks: Readonly<SackBlocks>): number {
  const { count } = blocks;
  memory.setInt32(at, (noneKind << 24) | (noneKind << 16) | (sackKind << 8) | (2 + 8 * count));
  for (let block = 0; block < count; block++) {
    memory.setInt32(at + 4 + 8 * block, blocks.from[block]);
    memory.setInt32(at + 8 + 8 * block, blocks.to[block]);
  }
  return sackBytes(count);
}
