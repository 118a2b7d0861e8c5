/**
 * Variants that this machine or this lab cannot serve: a program is not installed, or frames cannot be taken from a
 * device. Their cells are left out with a warning, and the rest is compared; without the baseline, or without any variant,
 * there is nothing to compare, and that is a problem. Pure. A cluster is not judged: its server finds out by itself.
 */

import { baselineOf, type Scenario } from '../../protocol/scenario.ts';
import { designs, parseVariant } from '../../protocol/variant-catalogue.ts';
import type { LabKind } from './lab-choice.ts';
import type { Machine } from './machine.ts';

export interface LeftOut {
  readonly variants: ReadonlySet<string>;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export function leftOut(
  scenario: Scenario,
  lab: LabKind,
  machine: Pick<Machine, 'missingRights' | 'namespacesRefused' | 'programs'>,
): LeftOut {
  const byReason = new Map<string, string[]>();
  for (const variant of lab === 'cluster' ? [] : scenario.factors.variant) {
    const reason = whyNot(variant, lab, machine);
    if (reason !== null) byReason.set(reason, [...(byReason.get(reason) ?? []), variant]);
  }
  const variants = new Set([...byReason.values()].flat());
  const isNeeded =
    variants.has(baselineOf(scenario)) || scenario.factors.variant.every((variant) => variants.has(variant));
  const said = [...byReason].map(([reason, names]) =>
    isNeeded
      ? `Cannot compare with ${names.join(', ')}: ${reason}, or leave it out with --set variant=….`
      : `${names.join(', ')} is left out: ${reason}.`,
  );
  return { variants, problems: isNeeded ? said : [], warnings: isNeeded ? [] : said };
}

/** What is, what is wanted, what to do; null when it can be served. */
function whyNot(
  variant: string,
  lab: LabKind,
  machine: Pick<Machine, 'missingRights' | 'namespacesRefused' | 'programs'>,
): string | null {
  const design = parseVariant(variant)?.design;
  if (design === undefined) return null;
  if (!designs[design].ours && machine.programs.nginx === null)
    return 'nginx is not installed; wanted it as a reference. Install it (apt-get install nginx-light)';
  if (!designs[design].takesFrames) return null;
  if (lab === 'loopback')
    return (
      'in the lab "loopback" what is sent to this machine itself never becomes a frame on a device; wanted the lab ' +
      `"namespaces"${machine.namespacesRefused === null ? '. Use --lab namespaces' : `, refused here: ${machine.namespacesRefused}`}`
    );
  return machine.missingRights.length === 0
    ? null
    : `this process has no ${machine.missingRights.join(', ')}; wanted CAP_NET_ADMIN, CAP_NET_RAW and CAP_BPF, to take ` +
        'frames from a device. Run as root, or give the container those rights';
}
