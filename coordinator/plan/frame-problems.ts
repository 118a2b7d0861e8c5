/**
 * Variants that take their frames from a network device, below the kernel's TCP: does the lab have frames for them, and
 * does this process have the rights? Pure. A cluster is not judged: its server finds out by itself, and says so.
 */

import type { Scenario } from '../../protocol/scenario.ts';
import { designs, parseVariant } from '../../protocol/variant-catalogue.ts';
import type { LabKind } from './lab-choice.ts';
import type { Machine } from './machine.ts';

export function frameProblems(
  scenario: Scenario,
  lab: LabKind,
  machine: Pick<Machine, 'missingRights'>,
): string[] {
  const variants = scenario.factors.variant.filter((variant) => {
    const design = parseVariant(variant)?.design;
    return design !== undefined && designs[design].takesFrames;
  });
  if (variants.length === 0 || lab === 'cluster') return [];
  const leaveOut = 'or leave it out with --set variant=…';
  if (lab === 'loopback')
    return [
      `Cannot serve ${variants.join(', ')} in the lab "loopback": what is sent to this machine itself never becomes a ` +
        `frame on a device; wanted the lab "namespaces". Use --lab namespaces (needs root), ${leaveOut}`,
    ];
  return machine.missingRights.length === 0
    ? []
    : [
        `Cannot serve ${variants.join(', ')}: this process has no ${machine.missingRights.join(', ')}; wanted CAP_NET_ADMIN, ` +
          `CAP_NET_RAW and CAP_BPF, to take frames from a device. Run as root, give the container those rights, ${leaveOut}`,
      ];
}
