/**
 * The bytes that a simulated conversation carries: byte n of stream s is known to both ends, so that whatever arrives
 * is checked on the spot and nothing has to be kept. The pattern's period is a prime: bytes that come twice, too early
 * or too late differ from what belongs there.
 */

import { seededRandom } from '../../measurement/random.ts';

const period = 65_521;
const pattern = twice(period);

/** Writes bytes [offset, offset + length) of a stream at the start of `into`. */
export function fillFromStream(into: Uint8Array, length: number, stream: number, offset: number): void {
  let done = 0;
  while (done < length) {
    const from = placeOf(stream, offset + done);
    const some = Math.min(length - done, period);
    into.set(pattern.subarray(from, from + some), done);
    done += some;
  }
}

/** Which of the first `length` bytes is the first that is not the stream's from `offset` on; -1: none. */
export function firstWrongByte(bytes: Uint8Array, length: number, stream: number, offset: number): number {
  for (let done = 0; done < length; ) {
    const from = placeOf(stream, offset + done);
    const some = Math.min(length - done, period);
    if (pattern.compare(bytes, done, done + some, from, from + some) !== 0) {
      for (let index = 0; index < some; index++)
        if (bytes[done + index] !== pattern[from + index]) return done + index;
    }
    done += some;
  }
  return -1;
}

function placeOf(stream: number, offset: number): number {
  return (stream * 7_919 + offset) % period;
}

/** Two periods in a row, so that a whole period is in one piece wherever it starts. */
function twice(length: number): Buffer {
  const bytes = Buffer.alloc(2 * length);
  const random = seededRandom(1, 'byte stream');
  for (let index = 0; index < length; index++) bytes[index] = random() * 256;
  bytes.copyWithin(length, 0, length);
  return bytes;
}
