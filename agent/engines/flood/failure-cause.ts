/** Why a connection failed: from the kernel's error number to the causes that records count. */

import { constants } from 'node:os';
import { type FailureCause, failureCauses } from '../../../protocol/trial-record.ts';

const { errno } = constants;

/** Place of each cause in `failureCauses`, which is also its place among the counters. */
export const Cause = Object.fromEntries(failureCauses.map((cause, index) => [cause, index])) as Readonly<
  Record<FailureCause, number>
>;

const byErrno = new Uint8Array(256).fill(Cause.other);
byErrno[errno.ECONNREFUSED] = Cause.refused;
byErrno[errno.ECONNRESET] = Cause.reset;
byErrno[errno.ECONNABORTED] = Cause.reset;
byErrno[errno.EPIPE] = Cause.reset;
byErrno[errno.ETIMEDOUT] = Cause.timedOut;
byErrno[errno.ECANCELED] = Cause.timedOut;
byErrno[errno.EADDRNOTAVAIL] = Cause.noPort;
byErrno[errno.EADDRINUSE] = Cause.noPort;
byErrno[errno.EMFILE] = Cause.noDescriptor;
byErrno[errno.ENFILE] = Cause.noDescriptor;

/** The cause an errno stands for. Only we cancel, and only what took too long: ECANCELED is `timedOut`. */
export function causeOf(failedErrno: number): number {
  return byErrno[failedErrno & 0xff];
}
