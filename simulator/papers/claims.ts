/** All claims, by number. Adding one is adding it to a file of claims, and a file of claims a row here. */

import type { Claim } from './claim.ts';
import { flowGroupClaims } from './claims-flow-groups.ts';
import { lockClaims } from './claims-locks.ts';
import { queueClaims } from './claims-queues.ts';

export const claims: readonly Claim[] = [...lockClaims, ...queueClaims, ...flowGroupClaims].sort(
  (one, other) => one.id.localeCompare(other.id),
);
