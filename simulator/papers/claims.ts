/** All claims, by number. Adding one is adding it to a file of claims, and a file of claims a row here. */

import type { Claim } from './claim.ts';
import { affinityClaims } from './claims-affinity.ts';
import { coherenceClaims } from './claims-coherence.ts';
import { fastsocketClaims } from './claims-fastsocket.ts';
import { flowGroupClaims } from './claims-flow-groups.ts';
import { lockClaims } from './claims-locks.ts';
import { megapipeClaims } from './claims-megapipe.ts';
import { mtcpClaims } from './claims-mtcp.ts';
import { queueClaims } from './claims-queues.ts';

export const claims: readonly Claim[] = [
  ...megapipeClaims,
  ...mtcpClaims,
  ...fastsocketClaims,
  ...affinityClaims,
  ...coherenceClaims,
  ...lockClaims,
  ...queueClaims,
  ...flowGroupClaims,
].sort((one, other) => one.id.localeCompare(other.id));
