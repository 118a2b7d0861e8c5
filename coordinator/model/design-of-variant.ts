/** Which of the simulator's designs stands for a variant that was measured. */

import { type Design, parseVariant } from '../../protocol/variant-catalogue.ts';

/** Recent kernels: what is measured here has no lock on the way of a SYN. */
const designOf: Readonly<Record<Design, string>> = {
  'single-queue': 'stock-recent',
  reuseport: 'reuseport-recent',
  'user-level': 'user-level',
  nginx: 'stock-recent-processes',
  'nginx-reuseport': 'reuseport-recent-processes',
};

/** Null for a variant that nothing stands for. */
export function designOfVariant(variant: string): string | null {
  const parsed = parseVariant(variant);
  return parsed === null ? null : designOf[parsed.design];
}
