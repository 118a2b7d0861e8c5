/**
 * The lab that needs no rights: everything on 127.0.0.1, each agent with source addresses of its own in 127.0.0.0/8.
 *
 * Client and server share one network stack here: the softirq work of both is done on the sender's core, so part of
 * the server's work is billed to load cores. It refuses to touch the machine's settings, so their limits apply.
 */

import type { Lab, LabWish } from './lab.ts';

const target = '127.0.0.1';

export function openLoopback(wish: LabWish): Lab {
  return {
    kind: 'loopback',
    serverAddresses: [target],
    serverNamespace: null,
    agents: Array.from({ length: wish.agents }, (_, agent) => ({
      namespace: null,
      sourceAddresses: Array.from({ length: wish.sourceAddresses }, (_, index) =>
        sourceAddress(agent, index),
      ),
      allow: [`${target}/32`],
    })),
    placeTrial: async () => {},
    notes: {
      lab: 'loopback: client and server share one network stack, packets are processed on the core that sends them',
    },
    broken: new Promise(() => {}),
    close: async () => {},
  };
}

/** Agent 0 has 127.0.4.1 and up, agent 1 127.0.8.1: 1,024 apart. */
function sourceAddress(agent: number, index: number): string {
  const offset = (agent + 1) * 1024 + index + 1;
  return `127.${(offset >> 16) & 0xff}.${(offset >> 8) & 0xff}.${offset & 0xff}`;
}
