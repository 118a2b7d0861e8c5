/** Servers, networks and machines that fail, seen over frames. */

import { after, describe } from 'node:test';
import { faultSuite } from './fault-suite.ts';
import { openPacketLab, packetLabRefused } from './packet-lab.ts';

if (packetLabRefused !== null) describe('packet engine', { skip: packetLabRefused }, () => {});
else {
  const lab = await openPacketLab();
  after(() => lab.close());
  faultSuite(lab.carrying('af_xdp'));
}
