/** Connections that go well, over frames. */

import { after, describe } from 'node:test';
import { conversationSuite } from './conversation-suite.ts';
import { openPacketLab, packetLabRefused } from './packet-lab.ts';

if (packetLabRefused !== null) describe('packet engine', { skip: packetLabRefused }, () => {});
else {
  const lab = await openPacketLab();
  after(() => lab.close());
  conversationSuite(lab.carrying('af_xdp'));
}
