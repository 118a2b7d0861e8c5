/** All designs, one visible table: adding one is adding a file and a row. */

import type { Design } from './design.ts';
import { megapipe, megapipeP, megapipePb } from './megapipe.ts';
import { stock } from './stock.ts';

export const designs: Readonly<Record<string, Design>> = Object.fromEntries(
  [stock, megapipe, megapipeP, megapipePb].map((design) => [design.name, design]),
);
