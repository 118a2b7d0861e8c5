/** Connections that go well, over kernel sockets. */

import { conversationSuite } from './conversation-suite.ts';
import { socketCarriers } from './flood-fixture.ts';

for (const carrying of socketCarriers) conversationSuite(carrying);
