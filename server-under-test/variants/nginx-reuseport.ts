/** nginx-reuseport: one worker and one SO_REUSEPORT listener a core ("listen … reuseport"). */

import { nginxCannot, startNginx } from '../nginx-server.ts';
import type { VariantImplementation } from './variant.ts';

export const nginxReuseport: VariantImplementation = {
  cannot: nginxCannot,
  start: ({ spec }) => startNginx(spec, { reusePort: true }),
};
