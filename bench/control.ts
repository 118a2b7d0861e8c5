/**
 * The control plane: 50 simulated agents tell of every second for 10 minutes (`--agents` and `--seconds` change that), through one Redis,
 * to a coordinator that is measured in its own process. Agents and coordinator are the real code of `control/` and
 * `coordinator/`; only the load is not there. A browser watches the live page meanwhile.
 *
 * Bars: no report lost or counted twice; the coordinator under 1 core and 300 MiB, the page under 5 % of a core.
 */

import { measureCluster } from './control-parts/simulated-cluster.ts';
import { percentileOf, tally } from './control-parts/tally.ts';
import { benchOptions, type Figure, report } from './runner/figure.ts';

const limits = { cores: 1, mebibytes: 300, pageCores: 0.05 } as const;

const options = benchOptions();
const agents = options.agents ?? (options.small ? 8 : 50);
const seconds = options.seconds ?? (options.small ? 5 : 600);
const measured = await measureCluster({ agents, seconds });
const { coordinator } = measured;
if (coordinator.state !== 'complete')
  throw new Error(`The run is ${coordinator.state}: ${coordinator.reason}`);

const counted = tally(measured);
const note = `${agents} agents and a server, ${seconds} s${options.small ? '; too short for a claim' : ''}`;
const figure = (what: Pick<Figure, 'figure' | 'value' | 'unit'> & Partial<Figure>): Figure => ({
  ...{ bench: 'control', against: null, ratio: null, pairs: 0, note },
  ...what,
});
const alone = (value: number, limit: number) => ({
  ratio: { min: value / limit, median: value / limit, max: value / limit },
  pairs: 1,
});

report(
  figure({
    ...{ figure: 'reports lost or counted twice', value: counted.lost + counted.doubled, unit: 'reports' },
    note: `${counted.received} came of ${counted.said} that were said; ${counted.skipped} seconds were never told of, by simulated agents that were too busy; ${note}`,
  }),
  options,
);
report(
  figure({
    ...{ figure: 'CPU of the coordinator', value: counted.coordinatorCores, unit: 'cores' },
    against: `the ${limits.cores} core it may take`,
    ...alone(counted.coordinatorCores, limits.cores),
  }),
  options,
);
report(
  figure({
    ...{ figure: 'most resident memory of the coordinator', value: counted.mostMebibytes, unit: 'MiB' },
    against: `the ${limits.mebibytes} MiB it may take`,
    ...alone(counted.mostMebibytes, limits.mebibytes),
  }),
  options,
);
report(
  figure(
    measured.page === null
      ? {
          ...{ figure: 'CPU of the live page in a browser', value: null, unit: 'cores' },
          note: 'no Chromium here: apt-get install chromium',
        }
      : {
          ...{ figure: 'CPU of the live page in a browser', value: measured.page.cores, unit: 'cores' },
          against: `the ${limits.pageCores} cores it may take`,
          ...alone(measured.page.cores, limits.pageCores),
          note: `what draws "${measured.page.title}" for ${Math.round(measured.page.seconds)} s; ${note}`,
        },
  ),
  options,
);
for (const percent of [50, 99, 100])
  report(
    figure({
      figure: percent === 100 ? 'report lag, most' : `report lag, p${percent}`,
      value: percentileOf(coordinator.lagsMs, percent),
      unit: 'ms',
      note: `from the end of a report's second to when the coordinator has it; ${note}`,
    }),
    options,
  );
report(figure({ figure: 'CPU of Redis', value: counted.redisCores, unit: 'cores' }), options);
