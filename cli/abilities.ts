/** What the kernel lets agent and server do, as they find out by trying: for `stampede doctor`. */

import { agentCapabilities, type Capability } from '../agent/capabilities.ts';
import { CoreCounters, privateCacheMisses } from '../linux/perf-counters.ts';
import { messageOf } from '../protocol/failure.ts';
import { type ServerCapability, serverCapabilities } from '../server-under-test/capabilities.ts';
import type { Ability } from './doctor-findings.ts';

const ioUringAdvice =
  'agents take epoll instead: look at sysctl kernel.io_uring_disabled, and at the seccomp profile of a container';

/** Those of the server's that are about the kernel; what is installed and set is looked at apart. */
const serverAbilities: Partial<
  Record<ServerCapability['name'], { readonly name: string; readonly advice: string }>
> = {
  'accept-wait': {
    name: 'BPF tracepoints (accept wait)',
    advice: 'the accept wait is then not measured: needs root, or CAP_BPF and CAP_PERFMON',
  },
  'reuseport-cpu': {
    name: 'BPF listener selection',
    advice: 'the variant reuseport:cpu is then not possible: look at the seccomp profile of a container',
  },
};

export function abilities(): Ability[] {
  const agent = agentCapabilities();
  return [
    ability('io_uring', agent.ioUring, ioUringAdvice),
    ability('io_uring with source addresses', agent.ioUringSources, ioUringAdvice),
    ability('epoll', agent.epoll, 'agents cannot make load without io_uring or epoll'),
    ...serverCapabilities().flatMap(({ name, possible, detail }) => {
      const about = serverAbilities[name];
      return about === undefined ? [] : [{ ...about, refused: possible ? null : detail }];
    }),
    {
      name: 'hardware counters (cache misses)',
      refused: whyNoCounters(),
      advice:
        'no measured cache misses will stand beside the modelled ones: needs real hardware, and CAP_PERFMON or sysctl kernel.perf_event_paranoid=0',
      isExtra: true,
    },
  ];
}

function whyNoCounters(): string | null {
  try {
    const event = privateCacheMisses();
    if (typeof event === 'string') return event;
    const counters = CoreCounters.open(event, [0]);
    const before = counters.read();
    const after = counters.read();
    counters.close();
    counters.between(before, after);
    return null;
  } catch (error) {
    return messageOf(error);
  }
}

function ability(name: string, capability: Capability, advice: string): Ability {
  return { name, refused: capability.ok ? null : (capability.reason ?? 'refused without a reason'), advice };
}
