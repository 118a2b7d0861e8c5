/**
 * `npm run bench -- simulator [--json] [--small]`: events a second of the queue of events alone, and of whole simulations:
 * a few connections a core, and a million of them on 48 cores, against the 30 s that it may take.
 */

import { EventQueue } from '../simulator/event-queue.ts';
import { loadMachine } from '../simulator/machine/load.ts';
import { randomStream } from '../simulator/random.ts';
import { runsOf } from '../simulator/simulator.ts';
import { benchOptions, medianOf, ratioOf, report } from './runner/figure.ts';

const limitSeconds = 30;
const options = benchOptions();
const rounds = options.small ? 1 : 3;

queueAlone();
for (const [cores, connections] of options.small
  ? [[4, 2_000]]
  : [
      [8, 100_000],
      [48, 1_000_000],
    ])
  simulation(cores, connections);

/** Hold model: take one, put one, so many waiting. */
function queueAlone(): void {
  const [waiting, events] = [10_000, options.small ? 100_000 : 5_000_000];
  const rates = Array.from({ length: rounds }, (_, round) => {
    const { uniform } = randomStream(round, 'bench');
    const queue = new EventQueue();
    for (let index = 0; index < waiting; index++) queue.put(uniform(), index);
    const began = performance.now();
    for (let index = 0; index < events && queue.next(); index++)
      queue.put(queue.time + uniform(), queue.event);
    return events / ((performance.now() - began) / 1000);
  });
  report(
    {
      bench: 'simulator',
      figure: `queue of ${waiting} events`,
      value: medianOf(rates),
      unit: 'events/s',
      against: null,
      ratio: null,
      pairs: rounds,
      note: 'take one, put one',
    },
    options,
  );
}

function simulation(cores: number, connections: number): void {
  const machine = loadMachine('amd48');
  const samples = Array.from({ length: connections >= 1_000_000 ? 1 : rounds }, (_, round) => {
    const began = performance.now();
    const [run] = runsOf(
      { machine, design: 'stock', workload: 'rpc', cores: [cores], connections, seeds: [round + 1] },
      cores,
    );
    const seconds = (performance.now() - began) / 1000;
    return {
      seconds,
      eventsPerSecond: run.engine.events / seconds,
      connectionsPerSecond: run.connections / seconds,
    };
  });
  const figure = `${connections.toLocaleString('en-US')} connections on ${cores} cores`;
  const common = { bench: 'simulator', pairs: samples.length } as const;
  report(
    {
      ...common,
      figure,
      value: medianOf(samples.map(({ eventsPerSecond }) => eventsPerSecond)),
      unit: 'events/s',
      against: null,
      ratio: null,
      note: `${Math.round(medianOf(samples.map(({ connectionsPerSecond }) => connectionsPerSecond)))} simulated connections a second`,
    },
    options,
  );
  const seconds = samples.map((sample) => sample.seconds);
  report(
    {
      ...common,
      figure: `time for ${figure}`,
      value: medianOf(seconds),
      unit: 's',
      against: `the ${limitSeconds} s it may take`,
      ratio: ratioOf(seconds.map((each) => each / limitSeconds)),
      note: 'one core, stock, 1 transaction a connection',
    },
    options,
  );
}
