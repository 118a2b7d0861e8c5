/** The application's part of a request by chance: the same throughput while cores are free, and longer waits for some. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimulationInputError } from '../../simulator/input-error.ts';
import { machines } from '../../simulator/machine/load.ts';
import type { Machine } from '../../simulator/machine/machine.ts';
import { type SimulatedRow, simulate } from '../../simulator/simulator.ts';
import type { ServiceName } from '../../simulator/workload.ts';

const seeds = [1, 2, 3];
const cores = 4;

/** A bed whose application, the part that varies, takes as long as all the rest of a connection. */
function halfApplication(name: 'e5-2697v2' | 'amd48'): Machine {
  const machine = machines[name];
  const { connection, transaction } = machine.singleCore.kernel;
  return { ...machine, application: { ...machine.application, http: connection + transaction } };
}

for (const machine of ['e5-2697v2', 'amd48'] as const)
  for (const share of [0.3, 0.7])
    test(`service by chance on ${machine}, at ${share} of its capacity: the same throughput, a longer tail`, () => {
      const asked = {
        machine: halfApplication(machine),
        design: 'reuseport-processes',
        workload: 'http',
        cores: [cores],
        seeds,
      } as const;
      const capacity = simulate({ ...asked, concurrency: 400 }).rows[0].connectionsPerSecond;
      const row = (service: ServiceName): SimulatedRow =>
        simulate({ ...asked, rate: share * capacity, service, connections: 10_000 }).rows[0];
      const [fixed, exponential] = [row('fixed'), row('exponential')];
      const said = JSON.stringify({ seeds, fixed, exponential });
      assert.ok(Math.abs(exponential.connectionsPerSecond / fixed.connectionsPerSecond - 1) < 0.03, said);
      assert.ok(exponential.latencySeconds.p99 > 1.2 * fixed.latencySeconds.p99, said);
      // The mean of the work is the same: what differs is by chance, and by lines that move when it is crowded.
      assert.ok(Math.abs(exponential.cyclesPerConnection / fixed.cyclesPerConnection - 1) < 0.03, said);
    });

test('simulate(): fixed service is the default, and another one that there is not is refused', () => {
  const asked = { machine: machines.x5560, design: 'stock', cores: [2], connections: 600, seeds: [1] };
  assert.deepEqual(simulate({ ...asked, service: 'fixed' }), simulate(asked));
  assert.throws(
    () => simulate({ ...asked, service: 'constant' as ServiceName }),
    (error: Error) => error instanceof SimulationInputError && /fixed, exponential/.test(error.message),
  );
});
