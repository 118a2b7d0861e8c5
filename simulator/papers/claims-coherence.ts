/** What lines do when cores meet in them: transmit queues of a proxy (C38), counters padded and not (C40). Nothing is calibrated. */

import { studyCounters } from '../counter-study.ts';
import { machines } from '../machine/load.ts';
import { runsOf } from '../simulator.ts';
import type { Check, Claim, Laboratory } from './claim.ts';

/** Share of packets, in per cent, that leave by another core's transmit queue. */
function elsewhere(laboratory: Laboratory, design: string, cores: number): number {
  return laboratory.once(`transmit ${design} ${cores}`, () => {
    const [{ engine }] = runsOf(
      { machine: machines.x5560, design, cores: [cores], connections: 10_000, seeds: [laboratory.seed] },
      cores,
    );
    return (100 * engine.accounts.transmittedElsewhere) / engine.accounts.transmitted;
  });
}

export const coherenceClaims: readonly Claim[] = [
  {
    id: 'C38',
    says: 'A proxy that chooses its second card’s transmit queue by hash takes another core’s in (nq − 1)/nq of the cases; by its own core, never',
    source: 'l7vsd / UltraMonkey-L7',
    why: 'It is chance, of ten thousand connections.',
    simulate: (laboratory) => ({
      checks: [2, 4, 8].flatMap((queues): Check[] => [
        {
          figure: `by hash, ${queues} queues`,
          published: (100 * (queues - 1)) / queues,
          simulated: elsewhere(laboratory, 'proxy', queues),
          unit: '%',
          tolerance: { kind: 'absolute', by: 1 },
          basis: 'predicted',
        },
        {
          figure: `by own core, ${queues} queues`,
          published: 0,
          simulated: elsewhere(laboratory, 'proxy-cpu', queues),
          unit: '%',
          tolerance: { kind: 'absolute', by: 1 },
          basis: 'predicted',
        },
      ]),
    }),
  },
  {
    id: 'C40',
    says: 'Counters of cores in the same cache line are at least twice as slow on 4 cores as padded ones, and the same on one',
    source: 'atomics cost 4.5–12 times a load',
    why: 'It follows from the latency between two cores.',
    simulate: () => {
      const ratio = (cores: number): number => {
        const { padded, unpadded } = studyCounters(machines.x5560, cores);
        return padded / unpadded;
      };
      return {
        checks: [
          {
            figure: 'padded ÷ unpadded, 4 cores',
            published: 4.5,
            simulated: ratio(4),
            unit: '',
            tolerance: { kind: 'at-least', low: 2 },
            basis: 'predicted',
          },
          {
            figure: 'padded ÷ unpadded, 1 core',
            published: 1,
            simulated: ratio(1),
            unit: '',
            tolerance: { kind: 'absolute', by: 0.05 },
            basis: 'predicted',
          },
        ],
      };
    },
  },
];
