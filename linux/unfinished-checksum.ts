/**
 * The TCP checksum of a segment that never left the machine: its sender left it to a device, and the device was a virtual
 * one that does not need it. The field holds the pseudo header's sum at most.
 */

const etherIpv4 = 0x0800;
const protocolTcp = 6;
const headerBytes = 14;
const checksumAt = 16;

/**
 * Writes the checksum that the sender left out (RFC 9293 3.1). What is no whole IPv4 TCP segment is left as it is.
 * @param at of the Ethernet frame, `length` bytes.
 */
export function finishChecksum(memory: DataView, at: number, length: number): void {
  const ip = at + headerBytes;
  if (length < headerBytes + 40 || memory.getUint16(at + 12) !== etherIpv4) return;
  if (memory.getUint8(ip) >>> 4 !== 4 || memory.getUint8(ip + 9) !== protocolTcp) return;
  const tcp = ip + ((memory.getUint8(ip) & 0xf) << 2);
  const end = ip + memory.getUint16(ip + 2);
  if (end > at + length || tcp + 20 > end) return;
  memory.setUint16(tcp + checksumAt, 0);
  let sum = protocolTcp + end - tcp;
  for (let word = ip + 12; word < ip + 20; word += 2) sum += memory.getUint16(word);
  let word = tcp;
  for (; word + 1 < end; word += 2) sum += memory.getUint16(word);
  if (word < end) sum += memory.getUint8(word) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  memory.setUint16(tcp + checksumAt, ~sum & 0xffff);
}
