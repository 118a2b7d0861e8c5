/**
 * The bytes that the conformance port writes: the byte at position n of a connection's stream is n modulo 251. The period
 * is a prime, so that what comes twice, too early or too late differs from what belongs there.
 */

export const streamPeriod = 251;

export function streamByte(position: number): number {
  return position % streamPeriod;
}
