/** All designs, one visible table: adding one is adding a file and a row. */

import { affinityAccept, fine } from './affinity-accept.ts';
import type { Design } from './design.ts';
import { fastsocket } from './fastsocket.ts';
import { megapipe, megapipeP, megapipePb } from './megapipe.ts';
import { proxy, proxyFastsocket, proxyReuseport, proxyVariants } from './proxy.ts';
import {
  reuseportRecent,
  reuseportRecentProcesses,
  stockRecent,
  stockRecentProcesses,
} from './recent-kernel.ts';
import { reuseport, reuseportProcesses, reuseportSince46 } from './reuseport.ts';
import { stock } from './stock.ts';
import { userLevel } from './user-level.ts';

const rows: readonly Design[] = [
  stock,
  fine,
  affinityAccept,
  reuseport,
  reuseportProcesses,
  reuseportSince46,
  stockRecent,
  stockRecentProcesses,
  reuseportRecent,
  reuseportRecentProcesses,
  megapipe,
  megapipeP,
  megapipePb,
  fastsocket,
  userLevel,
  proxy,
  proxyFastsocket,
  proxyReuseport,
  ...proxyVariants,
];

export const designs: Readonly<Record<string, Design>> = Object.fromEntries(
  rows.map((design) => [design.name, design]),
);
