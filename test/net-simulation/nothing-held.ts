/** After the last connection: what a stack must not have any more. */

import type { Stack, StackGauges } from '../../net/stack.ts';
import { stateNames } from '../../net/tcp/states.ts';
import type { SimulatedNetwork } from './simulated-network.ts';

export function gaugesOf(stack: Stack): StackGauges {
  const gauges: StackGauges = {
    states: new Int32Array(stateNames.length),
    halfOpen: 0,
    acceptQueue: 0,
    timeWait: 0,
    timers: 0,
    smallBuffers: 0,
    largeBuffers: 0,
  };
  stack.gauges(gauges);
  return gauges;
}

/** What it still has, in words; empty: nothing. */
export function heldBy(stack: Stack): string[] {
  const { states, ...others } = gaugesOf(stack);
  const connections = [...states].map(
    (count, state) => [`connections in ${stateNames[state]}`, count] as const,
  );
  return [...connections, ...Object.entries(others)]
    .filter(([, count]) => count !== 0)
    .map(([what, count]) => `${what}: ${count}`);
}

/** What any part of a network still has. */
export function heldIn(network: SimulatedNetwork): string[] {
  const held = network.hosts.flatMap(({ stack, isOn }, index) =>
    isOn ? heldBy(stack).map((what) => `host ${index}: ${what}`) : [],
  );
  return network.framesInUse === 0 ? held : [...held, `frames of the pool: ${network.framesInUse}`];
}
