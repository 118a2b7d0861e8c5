/** Every variant, in one table; the type demands each design that scenarios may name. */

import type { Design, Variant } from '../../protocol/variant-catalogue.ts';
import { nginx } from './nginx.ts';
import { nginxReuseport } from './nginx-reuseport.ts';
import { reuseport } from './reuseport.ts';
import { blockingCannot, singleQueue } from './single-queue.ts';
import { userLevel } from './user-level.ts';
import type { VariantImplementation } from './variant.ts';

export const variants: Readonly<Record<Design, VariantImplementation>> = {
  'single-queue': singleQueue,
  reuseport,
  'user-level': userLevel,
  nginx,
  'nginx-reuseport': nginxReuseport,
};

/** What options of a design cannot do, on top of what the design cannot. */
const optionCannot: Readonly<Record<string, VariantImplementation['cannot']>> = {
  'single-queue:blocking': blockingCannot,
};

/** What a variant cannot do, and why. */
export function cannotOf({ design, option }: Variant): VariantImplementation['cannot'] {
  return { ...variants[design].cannot, ...optionCannot[`${design}:${option}`] };
}
