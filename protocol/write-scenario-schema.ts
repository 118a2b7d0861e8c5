/** Writes `protocol/scenario.schema.json` anew: `npm run schema`, after a change of the scenario. A test keeps it true. */

import { writeFileSync } from 'node:fs';
import { scenarioJsonSchema } from './scenario.ts';

writeFileSync('protocol/scenario.schema.json', `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`);
