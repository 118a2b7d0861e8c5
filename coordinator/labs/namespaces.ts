/**
 * The lab of network namespaces: one for the server, one for each agent, each agent joined to the server by a veth pair
 * of its own, with addresses from 198.18.0.0/15 (RFC 2544's, never routed).
 *
 *   agent 0  198.18.0.2 … 198.18.3.254 ──load0════srv0── 198.18.0.1 ┐
 *   agent 1  198.18.4.2 … 198.18.7.254 ──load0════srv1── 198.18.4.1 ├ server  198.19.255.1 (what is connected to)
 *
 * Every agent gets its whole /22 as local addresses by one route, neighbours are set by hand: no ARP, no table of
 * neighbours to overflow, no first packet that waits. Receive packet steering keeps each side's packets on its own
 * cores: without it a packet on veth is processed on its sender's core. All ends of the server have one hardware address:
 * who takes frames from all of them has one link. It refuses to set anything outside its own namespaces.
 */

import { cpus } from 'node:os';
import { badInput } from '../../protocol/failure.ts';
import { maxNamespaceAgents } from '../plan/lab-choice.ts';
import { namespacePorts } from '../plan/port-budget.ts';
import { Checksums, DeviceQueues } from './frame-settings.ts';
import { type Holder, holdNamespace } from './holder.ts';
import type { Lab, LabWish, TrialCores } from './lab.ts';
import { namespacesRefused } from './possible.ts';

const serverAddress = '198.19.255.1';
const maxQueues = 64;

export async function openNamespaces(wish: LabWish): Promise<Lab> {
  const refused = namespacesRefused();
  if (refused !== null)
    throw badInput(
      `Cannot make the lab "namespaces": ${refused}. Or use --lab loopback, which needs no rights.`,
    );
  if (wish.agents > maxNamespaceAgents)
    throw badInput(
      `Cannot make the lab "namespaces": ${wish.agents} agents; wanted at most ${maxNamespaceAgents}.`,
    );
  const holders: Holder[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(holders.map((holder) => holder.close()));
  };
  try {
    const server = await holdNamespace("server's");
    holders.push(server);
    const agents: Holder[] = [];
    for (let index = 0; index < wish.agents; index++) {
      const agent = await holdNamespace(`agent ${index}'s`);
      holders.push(agent);
      agents.push(agent);
    }
    const notes = await build(server, agents);
    return labOf(server, agents, wish, notes, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function labOf(
  server: Holder,
  agents: readonly Holder[],
  wish: LabWish,
  notes: Record<string, string>,
  close: () => Promise<void>,
): Lab {
  const checksums = new Checksums(server, agents);
  const queues = new DeviceQueues(server, agents, queueCount());
  return {
    kind: 'namespaces',
    serverAddresses: [serverAddress],
    serverNamespace: server.path,
    agents: agents.map((agent, index) => ({
      namespace: agent.path,
      sourceAddresses: Array.from({ length: wish.sourceAddresses }, (_, host) => address(index, host + 2)),
      allow: [`${serverAddress}/32`],
    })),
    placeTrial: async (place) => {
      await checksums.set(place);
      notes['lab.queues'] = `${await queues.set(place)} (of the last trial placed)`;
      await steer(server, agents, place, queues.count, notes);
    },
    notes,
    broken: Promise.race([server, ...agents].map((holder) => holder.died)),
    close,
  };
}

/** Devices, addresses, routes and settings of every namespace; says what it set. */
async function build(server: Holder, agents: readonly Holder[]): Promise<Record<string, string>> {
  const queues = queueCount();
  await server.run('ip', ['-batch', '-'], `link set lo up\naddress add ${serverAddress}/32 dev lo\n`);
  const settings = await set(server, serverSettings());
  let agentSettingsSaid = '';
  for (const [index, agent] of agents.entries()) {
    await server.run('ip', ['-batch', '-'], serverSide(index, agent.pid, queues));
    agentSettingsSaid = await set(agent, agentSettings());
    await agent.run('ip', ['-batch', '-'], agentSide(index));
  }
  return {
    lab: `namespaces: server in pid ${server.pid}, agents in pids ${agents.map(({ pid }) => pid).join(', ')}; veth with ${queues} queues`,
    'lab.settings.server': settings,
    'lab.settings.agents': agentSettingsSaid,
    'lab.offloads': `${await offloads(server)}; tx-checksumming=off in trials where the other side takes frames below TCP`,
    'lab.frames':
      'what a link below TCP receives on veth is copied to it on the core of its sender, both ways; steering is for the kernel',
  };
}

function serverSide(index: number, agentPid: number, queues: number): string {
  const device = `srv${index}`;
  const count = `numtxqueues ${queues} numrxqueues ${queues}`;
  return [
    `link add ${device} address ${serverHardware} ${count} type veth peer name load0 address ${agentHardware(index)} ${count} netns ${agentPid}`,
    `address add ${address(index, 1)} peer ${address(index, 2)} dev ${device}`,
    `link set ${device} up`,
    `neighbour replace ${address(index, 2)} lladdr ${agentHardware(index)} nud permanent dev ${device}`,
    `route add ${address(index, 0)}/22 via ${address(index, 2)} dev ${device}`,
    '',
  ].join('\n');
}

function agentSide(index: number): string {
  return [
    'link set lo up',
    `address add ${address(index, 2)} peer ${address(index, 1)} dev load0`,
    'link set load0 up',
    `neighbour replace ${address(index, 1)} lladdr ${serverHardware} nud permanent dev load0`,
    `route add ${serverAddress}/32 via ${address(index, 1)} dev load0`,
    `route add local ${address(index, 0)}/22 dev lo`,
    '',
  ].join('\n');
}

/** Of agent `index`'s /22; host 0 is the network. */
function address(index: number, host: number): string {
  return `198.${18 + (index >> 6)}.${((index & 63) << 2) + (host >> 8)}.${host & 0xff}`;
}

/** Locally administered, and the same in every lab. */
const serverHardware = '02:c6:12:00:00:01';

function agentHardware(index: number): string {
  return `02:c6:12:00:${index.toString(16).padStart(2, '0')}:02`;
}

type Settings = ReadonlyMap<string, readonly string[]>;

/** Every setting with the values to try, the best first. */
function commonSettings(): [string, string[]][] {
  return [
    // The machine's default may be BBR, which paces; kernel baselines are loss-based.
    ['net/ipv4/tcp_congestion_control', ['cubic', 'reno']],
    ['net/ipv4/tcp_max_tw_buckets', ['262144']],
    ['net/ipv4/conf/all/rp_filter', ['0']],
    ['net/ipv4/conf/default/rp_filter', ['0']],
    ['net/ipv6/conf/all/disable_ipv6', ['1']],
    ['net/ipv6/conf/default/disable_ipv6', ['1']],
  ];
}

function serverSettings(): Settings {
  return new Map([
    ...commonSettings(),
    ['net/core/somaxconn', ['16384', '4096']],
    ['net/ipv4/tcp_max_syn_backlog', ['16384', '4096']],
  ]);
}

function agentSettings(): Settings {
  return new Map([
    ...commonSettings(),
    ['net/ipv4/tcp_tw_reuse', ['1']],
    ['net/ipv4/ip_local_port_range', [`${namespacePorts.low} ${namespacePorts.high}`]],
    // A retransmission must not take a connection to another queue, which may be another core's.
    ['net/core/txrehash', ['0']],
  ]);
}

/** Sets each, and says what each came to, e.g. `tcp_tw_reuse=1`. What this kernel has not is left as it is, and said. */
async function set(holder: Holder, settings: Settings): Promise<string> {
  const script = [...settings]
    .map(([name, values]) => {
      const tries = values
        .map((value) => `{ echo "${value}" > /proc/sys/${name}; } 2>/dev/null`)
        .join(' || ');
      return `${tries}; echo "${name}=$(cat /proc/sys/${name} 2>/dev/null || echo absent)"`;
    })
    .join('\n');
  const said = await holder.run('sh', ['-s'], `${script}\n`);
  return said
    .trim()
    .split('\n')
    .map((line) => line.replace(/\s+/g, ' '))
    .join(', ');
}

async function offloads(server: Holder): Promise<string> {
  try {
    const said = await server.run('ethtool', ['--show-features', 'srv0']);
    return said
      .split('\n')
      .filter((line) =>
        /^(tx-checksumming|tcp-segmentation-offload|generic-receive-offload|generic-segmentation-offload):/.test(
          line,
        ),
      )
      .map((line) => line.replace(': ', '='))
      .join(', ');
  } catch (error) {
    return `not known: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Each side's received packets go to its own cores: the server's to server cores, the agents' to load cores. */
async function steer(
  server: Holder,
  agents: readonly Holder[],
  cores: TrialCores,
  queues: number,
  notes: Record<string, string>,
): Promise<void> {
  const writeAll = (holder: Holder, device: string, mask: string): Promise<unknown> =>
    Promise.all(
      Array.from({ length: queues }, (_, queue) =>
        holder.writeSys(`class/net/${device}/queues/rx-${queue}/rps_cpus`, mask),
      ),
    );
  const [serverMask, loadMask] = [coreMask(cores.serverCores), coreMask(cores.loadCores)];
  try {
    await Promise.all(agents.map((_, index) => writeAll(server, `srv${index}`, serverMask)));
    await Promise.all(agents.map((agent) => writeAll(agent, 'load0', loadMask)));
    notes['lab.steering'] = `rps_cpus: server ${serverMask}, load ${loadMask} (of the last trial placed)`;
  } catch (error) {
    notes['lab.steering'] =
      `not set, packets are processed on the core that sends them: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** Cores as the kernel writes a mask: words of 32 bits in hexadecimal, the highest first. */
export function coreMask(cores: readonly number[]): string {
  const words = new Uint32Array((Math.max(0, ...cores) >>> 5) + 1);
  for (const core of cores) words[core >>> 5]! |= 1 << (core & 31);
  return [...words]
    .reverse()
    .map((word, index) => (index === 0 ? word.toString(16) : word.toString(16).padStart(8, '0')))
    .join(',');
}

/** As many as there are cores: more are never used, and none can be added while the devices exist. */
function queueCount(): number {
  return Math.min(cpus().length, maxQueues);
}
