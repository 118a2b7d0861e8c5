/** Which lab a scenario gets on this machine, and why not another. */

import type { Scenario } from '../../protocol/scenario.ts';
import type { Machine } from './machine.ts';

export type LabKind = 'loopback' | 'namespaces' | 'cluster';

/** 198.18.0.0/15 holds 128 networks of /22, one an agent; the last is the server's. */
export const maxNamespaceAgents = 127;

export interface LabChoice {
  readonly kind: LabKind;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export function chooseLab(scenario: Scenario, machine: Machine): LabChoice {
  const refused = machine.namespacesRefused;
  const tooMany = scenario.agents.count > maxNamespaceAgents;
  switch (scenario.lab) {
    case 'loopback':
    case 'cluster':
      return { kind: scenario.lab, problems: [], warnings: [] };
    case 'namespaces': {
      const problems: string[] = [];
      if (refused !== null)
        problems.push(
          `Cannot make the lab "namespaces": ${refused}. Or use --lab loopback, which needs no rights.`,
        );
      if (tooMany)
        problems.push(
          `Cannot make the lab "namespaces": agents.count is ${scenario.agents.count}; wanted at most ${maxNamespaceAgents}, one /22 of 198.18.0.0/15 each.`,
        );
      return { kind: 'namespaces', problems, warnings: [] };
    }
    case 'auto':
      if (refused === null && !tooMany) return { kind: 'namespaces', problems: [], warnings: [] };
      return {
        kind: 'loopback',
        problems: [],
        warnings: [
          `The lab is loopback, where client and server share one network stack: no namespaces, because ${refused ?? `there are more than ${maxNamespaceAgents} agents`}.`,
        ],
      };
  }
}
