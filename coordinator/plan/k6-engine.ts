/**
 * The engine `k6` is a program that is not ours: is it there, and can it do what the scenario asks of it? Pure. Whether it
 * is there is not asked of a cluster: its agents find out by themselves, and say so.
 */

import { mostVirtualUsers, shortestK6Seconds } from '../../protocol/k6.ts';
import type { Scenario } from '../../protocol/scenario.ts';
import type { LabKind } from './lab-choice.ts';
import type { Machine } from './machine.ts';

export interface K6Findings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

const leaveOut = 'or leave it out with --set engine=socket';

export function k6Findings(
  scenario: Pick<Scenario, 'application' | 'factors' | 'agents' | 'warmUpSeconds' | 'measuredSeconds'>,
  lab: LabKind,
  machine: Pick<Machine, 'k6Missing'>,
): K6Findings {
  const { application, factors, agents } = scenario;
  if (!factors.engine.includes('k6')) return { problems: [], warnings: [] };
  const problems: string[] = [];
  if (lab !== 'cluster' && machine.k6Missing !== null)
    problems.push(`Cannot make load by engine "k6": ${machine.k6Missing}, ${leaveOut}.`);
  if (application !== 'http')
    problems.push(
      `Cannot make load by engine "k6" of the application "${application}": it speaks http only; wanted application: http, ${leaveOut}.`,
    );
  if (factors.close.includes('client-rst'))
    problems.push(
      `Cannot make load by engine "k6" with close "client-rst": it cannot reset a connection; wanted close: client-fin or server-fin, ${leaveOut}.`,
    );
  const seconds = scenario.warmUpSeconds + scenario.measuredSeconds;
  if (seconds < shortestK6Seconds)
    problems.push(
      `Cannot make load by engine "k6" for ${seconds} s a trial: k6 takes no less than ${shortestK6Seconds} s; wanted a longer measuredSeconds, ${leaveOut}.`,
    );
  const most = mostVirtualUsers * agents.count;
  const asked = Math.max(...(factors.concurrency ?? [0]));
  if (asked > most)
    problems.push(
      `Cannot hold ${amount(asked)} connections open by engine "k6": each is a virtual user with a JavaScript runtime of its own; ` +
        `wanted concurrency: ${most} at most with agents.count: ${agents.count}, or agents.count: ${Math.ceil(asked / mostVirtualUsers)}.`,
    );
  return { problems, warnings: factors.rate === undefined ? [] : [spacing] };
}

const spacing =
  'By engine "k6" the starts of an open loop are evenly spaced, not Poisson, and latencies count from the start of a ' +
  'connection, not from when it was due: compare them with those of the same engine only.';

function amount(count: number): string {
  return count.toLocaleString('en-US');
}
