/**
 * How many agents one coordinator carries: more in every step, 20 s each (`--seconds` changes that), until reports are over a
 * second old or the coordinator needs more than a core; `--agents` measures that many alone. In the middle of a trial: what a
 * coordinator does then for every agent is collect its reports and watch its lease. Everything runs on one machine, so what is measured first may be the machine's limit;
 * the CPU of each side says whose it is.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { startPrivateRedis } from '../coordinator/redis/private.ts';
import type { LightAgentsOrder } from './control-parts/light-agents.ts';
import type { CollectorMeasured, CollectorOrder } from './control-parts/measured-collector.ts';
import { type PartProcess, startPart } from './control-parts/part-process.ts';
import { cpuSecondsOf } from './control-parts/simulated-cluster.ts';
import type { Said } from './control-parts/simulated-members.ts';
import { type ClusterTally, percentileOf, tally } from './control-parts/tally.ts';
import { benchOptions, report } from './runner/figure.ts';

const bounds = { lagMs: 1_000, cores: 1 } as const;
const agentProcesses = 2;
/** From here on two processes cannot play as many real reporters: their reports go out in one pipeline. */
const bareFrom = 1_000;
const run = 'control-limits';

interface Step {
  readonly agents: number;
  readonly seconds: number;
  readonly counted: ClusterTally;
  readonly lagMs: number;
}

const options = benchOptions();
const seconds = options.seconds ?? (options.small ? 3 : 20);
const steps = options.agents !== null ? [options.agents] : options.small ? [20] : doubling(50);
for (const agents of steps) {
  const step = await measureStep(agents);
  tell(step);
  if (step.lagMs > bounds.lagMs || step.counted.coordinatorCores > bounds.cores) break;
}

/** 50, 100, 200 … */
function doubling(first: number): readonly number[] {
  return Array.from({ length: 10 }, (_, index) => first * 2 ** index);
}

async function measureStep(agents: number): Promise<Step> {
  const redis = await startPrivateRedis({ onRestart: () => {}, onLost: () => {} });
  const processes: PartProcess<unknown>[] = [];
  try {
    // Until then everybody is there.
    const startAtMs = Date.now() + 4_000 + 5 * agents;
    const attempt = { run, trial: 'b01-c01', attempt: 1, epoch: 1_000_001 };
    const shared = { redisUrl: redis.url, attempt, startAtMs, seconds };
    const share = Math.ceil(agents / agentProcesses);
    const playing = Array.from({ length: agentProcesses }, (_, index) =>
      startPart<readonly Said[]>('light-agents', {
        ...shared,
        ...{ first: index * share, agents: Math.min(share, agents - index * share), withServer: index === 0 },
        bare: agents >= bareFrom,
      } satisfies LightAgentsOrder),
    );
    const collecting = startPart<CollectorMeasured>('measured-collector', {
      ...shared,
      agents,
    } satisfies CollectorOrder);
    processes.push(...playing, collecting);
    // Redis is measured over the trial alone, as the coordinator is.
    await sleep(startAtMs - Date.now());
    const began = cpuSecondsOf(redis);
    await sleep(startAtMs + seconds * 1000 - Date.now());
    const redisCpuSeconds = cpuSecondsOf(redis) - began;
    const coordinator = await collecting.measured;
    const said = (await Promise.all(playing.map(({ measured }) => measured))).flat();
    if (coordinator.lostMembers > 0)
      throw new Error(`${coordinator.lostMembers} members were taken for lost, and none was`);
    const counted = tally({ coordinator, said, redisCpuSeconds, wholeSeconds: seconds });
    return { agents, seconds, counted, lagMs: percentileOf(coordinator.lagsMs, 99) };
  } finally {
    for (const { child } of processes) child.kill('SIGKILL');
    await redis.stop();
  }
}

function tell({ agents, counted, lagMs }: Step): void {
  const share = counted.coordinatorCores / bounds.cores;
  report(
    {
      ...{ bench: 'control-limits', figure: `CPU of the coordinator, ${agents} agents` },
      ...{ value: counted.coordinatorCores, unit: 'cores', against: `the ${bounds.cores} core it may take` },
      ...{ ratio: { min: share, median: share, max: share }, pairs: 1 },
      note:
        `report lag p99 ${Math.round(lagMs)} ms; ${counted.received} reports of ${counted.said}, ${counted.doubled} twice, ` +
        `${counted.skipped} seconds not told of; most memory ${Math.round(counted.mostMebibytes)} MiB; Redis ` +
        `${counted.redisCores.toFixed(3)} cores; ${seconds} s${agents < bareFrom ? '' : ', reports in one pipeline'}`,
    },
    options,
  );
}
