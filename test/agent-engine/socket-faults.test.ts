/** Servers, networks and machines that fail, seen over kernel sockets. */

import { faultSuite } from './fault-suite.ts';
import { socketCarriers } from './flood-fixture.ts';

for (const carrying of socketCarriers) faultSuite(carrying);
