/**
 * The pcap file format with stamps in nanoseconds, as bytes (IETF draft-ietf-opsawg-pcap; tcpdump, Wireshark and tshark
 * read it). Where the bytes go is the caller's business.
 */

const magicNanoseconds = 0xa1b2_3c4d;
const versionMajor = 2;
const versionMinor = 4;
const linkTypeEthernet = 1;
const fileHeaderBytes = 24;
const recordHeaderBytes = 16;
/** What rounds up to a whole second stays in its own. */
const lastNanosecond = 999_999_999;

export class PcapWriter {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #snapBytes: number;

  /**
   * @param write takes a piece of the file, in order; the piece is its own to keep.
   * @param snapBytes of each frame, so many at most are written.
   */
  constructor(write: (bytes: Uint8Array) => void, snapBytes = 65_535) {
    this.#write = write;
    this.#snapBytes = snapBytes;
    const header = new DataView(new ArrayBuffer(fileHeaderBytes));
    header.setUint32(0, magicNanoseconds, true);
    header.setUint16(4, versionMajor, true);
    header.setUint16(6, versionMinor, true);
    header.setUint32(16, snapBytes, true);
    header.setUint32(20, linkTypeEthernet, true);
    write(new Uint8Array(header.buffer));
  }

  /** @param timeUs since 1970, or since whatever the reader is told. */
  frame(memory: Uint8Array, at: number, length: number, timeUs: number): void {
    const kept = Math.min(length, this.#snapBytes);
    const record = new Uint8Array(recordHeaderBytes + kept);
    const header = new DataView(record.buffer);
    const seconds = Math.floor(timeUs / 1e6);
    header.setUint32(0, seconds, true);
    header.setUint32(4, Math.min(Math.round((timeUs - seconds * 1e6) * 1000), lastNanosecond), true);
    header.setUint32(8, kept, true);
    header.setUint32(12, length, true);
    record.set(memory.subarray(at, at + kept), recordHeaderBytes);
    this.#write(record);
  }
}
