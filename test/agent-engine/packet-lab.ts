/**
 * A lab for floods by frames: the test's own process serves in the server's namespace, its load threads flood from the
 * agent's. Entering is for good, so a test file that calls this serves there to its end.
 */

import { execFileSync } from 'node:child_process';
import { openLab } from '../../coordinator/labs/open-lab.ts';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';
import { enterNetworkNamespace } from '../../linux/thread.ts';
import { type Carrying, order } from './flood-fixture.ts';

export interface PacketLab {
  /** Where the servers are: a second one beside the lab's own. */
  readonly targetAddresses: readonly [string, string];
  readonly sourceAddresses: readonly string[];
  readonly serverNamespace: string;
  readonly agentNamespace: string;
  carrying(backend: 'af_xdp' | 'af_packet'): Carrying;
  /** Runs a program in the agent's namespace. */
  inAgent(...command: string[]): string;
  close(): Promise<void>;
}

/** Why there is no such lab here; null: there is. */
export const packetLabRefused = namespacesRefused();

const secondTarget = '198.19.255.2';

export async function openPacketLab(sourceAddresses = 3): Promise<PacketLab> {
  const lab = await openLab('namespaces', { agents: 1, sourceAddresses });
  const [agent] = lab.agents;
  const serverNamespace = lab.serverNamespace ?? '';
  const agentNamespace = agent?.namespace ?? '';
  const inside = (namespace: string, ...command: string[]): string =>
    execFileSync('nsenter', [`--net=${namespace}`, '--', ...command], { encoding: 'utf8' });
  const wholeChecksums = { server: true, agents: true };
  await lab.placeTrial({ serverCores: [1], loadCores: [0], wholeChecksums });
  inside(serverNamespace, 'ip', 'address', 'add', `${secondTarget}/32`, 'dev', 'lo');
  inside(agentNamespace, 'ip', 'route', 'add', `${secondTarget}/32`, 'via', '198.18.0.1', 'dev', 'load0');
  enterNetworkNamespace(serverNamespace);
  const targetAddresses = [lab.serverAddresses[0] ?? '', secondTarget] as const;
  const sources = agent?.sourceAddresses ?? [];
  return {
    targetAddresses,
    sourceAddresses: sources,
    serverNamespace,
    agentNamespace,
    carrying: (backend) => ({
      name: `packet engine over ${backend}`,
      backend: new RegExp(`^packet over ${backend}`),
      order: ({ port = 1, ...changes }) =>
        order({
          engine: 'packet',
          backend,
          namespace: agentNamespace,
          target: { addresses: targetAddresses.slice(0, 1), port },
          sourceAddresses: sources,
          ...changes,
        }),
      sourceAddresses: sources,
      targetAddresses,
      cannot: { ipv6: 'the engine speaks IPv4 only' },
    }),
    inAgent: (...command) => inside(agentNamespace, ...command),
    close: () => lab.close(),
  };
}
