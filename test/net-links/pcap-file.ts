/** Reads a pcap file back, as the format's description says it (draft-ietf-opsawg-pcap), not as our writer does. */

export interface PcapRecord {
  readonly timeNs: bigint;
  /** Of the frame on the wire; `bytes` may be fewer. */
  readonly length: number;
  readonly bytes: Buffer;
}

export interface PcapFile {
  readonly snapBytes: number;
  readonly linkType: number;
  readonly records: readonly PcapRecord[];
}

/** @throws {Error} it is not a pcap file of version 2.4, or it ends in the middle of a record. */
export function parsePcap(file: Buffer): PcapFile {
  const isLittle = file.readUInt8(0) !== 0xa1;
  const u16 = (at: number): number => (isLittle ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const u32 = (at: number): number => (isLittle ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const nsOfUnit = new Map([
    [0xa1b2_c3d4, 1_000n],
    [0xa1b2_3c4d, 1n],
  ]).get(u32(0));
  if (nsOfUnit === undefined || u16(4) !== 2 || u16(6) !== 4)
    throw new Error(`Cannot read a capture: begins with ${file.toString('hex', 0, 8)}; wanted pcap 2.4`);
  const records: PcapRecord[] = [];
  for (let at = 24; at < file.length; ) {
    const from = at + 16;
    const to = from + u32(at + 8);
    const units = BigInt(u32(at + 4));
    if (to > file.length || units * nsOfUnit >= 1_000_000_000n)
      throw new Error(`Cannot read a capture: the record at ${at} of ${file.length} is broken`);
    const timeNs = BigInt(u32(at)) * 1_000_000_000n + units * nsOfUnit;
    records.push({ timeNs, length: u32(at + 12), bytes: file.subarray(from, to) });
    at = to;
  }
  return { snapBytes: u32(16), linkType: u32(20), records };
}
