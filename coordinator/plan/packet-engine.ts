/**
 * The `packet` engine brings its own TCP: does the lab have frames for it, has this process the rights, and what of the
 * load cores does it use? Pure. A cluster is not judged: its agents find out by themselves, and say so.
 */

import type { Scenario } from '../../protocol/scenario.ts';
import type { LabKind } from './lab-choice.ts';
import type { Machine } from './machine.ts';
import { shareCores } from './placement.ts';

export interface PacketFindings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const leaveOut = 'or leave it out with --set engine=socket';

export function packetFindings(
  scenario: Pick<Scenario, 'factors' | 'agents'>,
  lab: LabKind,
  machine: Pick<Machine, 'missingRights'>,
  loadCores: readonly number[],
): PacketFindings {
  const isAsked = scenario.factors.engine.includes('packet');
  if (!isAsked || lab === 'cluster') return { problems: [], warnings: [] };
  if (lab === 'loopback')
    return {
      problems: [
        'Cannot make load by engine "packet" in the lab "loopback": what is sent to this machine itself never becomes a frame ' +
          `on a device; wanted the lab "namespaces". Use --lab namespaces (needs root), ${leaveOut}.`,
      ],
      warnings: [],
    };
  if (machine.missingRights.includes('CAP_NET_RAW'))
    return {
      problems: [
        'Cannot make load by engine "packet": this process has no CAP_NET_RAW; wanted it, and CAP_NET_ADMIN and CAP_BPF for ' +
          `AF_XDP. Run as root, give the container those rights, ${leaveOut}.`,
      ],
      warnings: [],
    };
  return { problems: [], warnings: [...coreWarnings(scenario, loadCores), ...linkWarnings(machine)] };
}

/** One thread owns all queues of a device: the answers may come in on any of them. */
function coreWarnings(scenario: Pick<Scenario, 'agents'>, loadCores: readonly number[]): string[] {
  const { count } = scenario.agents;
  if (loadCores.length <= count) return [];
  const idle = shareCores(loadCores, count).flatMap((cores) => cores.slice(1));
  return [
    `By engine "packet" load cores ${idle.join(', ')} stay idle: it makes load on one core an agent; wanted agents.count: ${loadCores.length} to use them all.`,
  ];
}

function linkWarnings(machine: Pick<Machine, 'missingRights'>): string[] {
  const missing = machine.missingRights.filter((right) => right !== 'CAP_NET_RAW');
  return missing.length === 0
    ? []
    : [
        `Engine "packet" goes over AF_PACKET, which is slower than AF_XDP: this process has no ${missing.join(', ')}.`,
      ];
}
