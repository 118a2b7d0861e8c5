/**
 * Loaded into every test file before it runs (`--import`, by `setup/test.mjs`): those that only compute step back behind
 * those that flood or watch the clock. What a test starts does not load it.
 */

import { constants, setPriority } from 'node:os';
import { computing } from './test-lanes.mjs';

delete process.env.NODE_OPTIONS;
const [, area] = /\/dist\/test\/([^/]+)\//.exec(process.argv[1] ?? '') ?? [];
if (computing.has(area)) setPriority(constants.priority.PRIORITY_LOW);
