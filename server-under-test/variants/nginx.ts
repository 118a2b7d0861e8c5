/** nginx: one worker a core on one shared listener, accept_mutex off: every worker that sleeps may be woken. */

import { nginxCannot, startNginx } from '../nginx-server.ts';
import type { VariantImplementation } from './variant.ts';

export const nginx: VariantImplementation = {
  cannot: nginxCannot,
  start: ({ spec }) => startNginx(spec, { reusePort: false }),
};
