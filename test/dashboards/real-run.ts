/**
 * One real run, watched by a real Prometheus, for all tests of dashboards: `stampede run` in this machine's best lab, with
 * a token, and then a small cluster of a coordinator, an agent and a server that each serve their own metrics.
 */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Comparison, comparisonSchema } from '../../protocol/comparison-record.ts';
import { type RunFolder, runFolder } from '../../protocol/run-folder.ts';
import { type TrialRecord, trialRecordSchema } from '../../protocol/trial-record.ts';
import { startStampede } from '../cli/stampede-process.ts';
import { startPrivateRedis } from '../private-redis.ts';
import { freePort, type Prometheus, startPrometheus } from './prometheus-server.ts';

export const scrapeSeconds = 1;
export const token = 'prometheus-reads-this-token-0123456789';
/** User-level servers and namespaces are root's. */
export const isRoot = process.getuid?.() === 0;

export interface WatchedRun {
  readonly folder: RunFolder;
  readonly run: string;
  readonly trials: readonly TrialRecord[];
  readonly comparison: Comparison;
  /** What the coordinator said on stderr. */
  readonly said: string;
}

export interface RealRun {
  readonly prometheus: Prometheus;
  /** `stampede run`. */
  readonly local: WatchedRun;
  /** `stampede coordinator`. */
  readonly cluster: WatchedRun;
  /** Seconds since 1970. */
  readonly from: number;
  readonly until: number;
  readonly redisPassword: string;
  /** While the cluster was there: what its members served. */
  readonly agentText: string;
  readonly serverText: string;
  /** Why each target was up, or was not, then. */
  readonly targets: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

export async function realRun(): Promise<RealRun> {
  const folder = await mkdtemp(join(tmpdir(), 'stampede-watched-'));
  const tokenFile = join(folder, 'token');
  await writeFile(tokenFile, token);
  const ports = {
    local: await freePort(),
    coordinator: await freePort(),
    agent: await freePort(),
    server: await freePort(),
  };
  const prometheus = await startPrometheus(await configuration(ports, tokenFile));
  const redis = await startPrivateRedis();
  const close = async () => {
    await prometheus.stop();
    await redis.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  try {
    const from = Date.now() / 1000;
    const local = await runLocally(folder, ports.local);
    const { cluster, agentText, serverText, targets } = await runCluster(
      folder,
      ports,
      redis.url,
      prometheus,
    );
    const until = Date.now() / 1000;
    return {
      prometheus,
      local,
      cluster,
      from,
      until,
      redisPassword: redis.password,
      agentText,
      serverText,
      targets,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Ports = Readonly<Record<'local' | 'coordinator' | 'agent' | 'server', number>>;

/** That of the cluster, scraping this machine, and more often. */
async function configuration(ports: Ports, tokenFile: string): Promise<object> {
  const shipped = parse(await readFile('dashboards/prometheus/prometheus.yml', 'utf8'));
  const targets: Readonly<Record<string, readonly number[]>> = {
    'stampede-coordinator': [ports.local, ports.coordinator],
    'stampede-server': [ports.server],
    'stampede-agent': [ports.agent],
  };
  return {
    ...shipped,
    global: { scrape_interval: `${scrapeSeconds}s`, scrape_timeout: '900ms', evaluation_interval: '1s' },
    rule_files: [join(process.cwd(), 'dashboards/prometheus/rules/*.yml')],
    scrape_configs: shipped.scrape_configs.map(({ dns_sd_configs: _, ...job }: Record<string, unknown>) => ({
      ...job,
      authorization: { credentials_file: tokenFile },
      static_configs: [{ targets: (targets[String(job.job_name)] ?? []).map((port) => `127.0.0.1:${port}`) }],
    })),
  };
}

/** Five blocks, the least that an interval takes; a third of a second a trial. */
async function runLocally(folder: string, port: number): Promise<WatchedRun> {
  const path = join(folder, 'local.yaml');
  const scenario = {
    name: 'watched',
    lab: isRoot ? 'namespaces' : 'loopback',
    factors: {
      variant: ['single-queue', isRoot ? 'user-level' : 'reuseport'],
      rate: 500,
    },
    warmUpSeconds: 0.1,
    measuredSeconds: 0.3,
    blocks: 5,
    agents: { sourceAddresses: 4 },
  };
  await writeFile(path, JSON.stringify(scenario));
  const out = join(folder, 'local');
  const started = startStampede(['run', path, '--out', out, '--metrics', `127.0.0.1:${port}`], {
    STAMPEDE_TOKEN: token,
  });
  const { status, stderr } = await started.ended;
  if (status !== 0) throw new Error(`stampede run ended with ${status}: ${stderr}`);
  return await readWatched(out, stderr);
}

/** Long enough for reports, which come once a second. */
async function runCluster(folder: string, ports: Ports, redisUrl: string, prometheus: Prometheus) {
  const path = join(folder, 'cluster.yaml');
  const scenario = {
    name: 'watched-cluster',
    factors: { variant: ['single-queue', 'reuseport'], rate: 400 },
    warmUpSeconds: 0.2,
    measuredSeconds: 1.2,
    blocks: 1,
  };
  await writeFile(path, JSON.stringify(scenario));
  const environment = { STAMPEDE_TOKEN: token, STAMPEDE_REDIS_URL: redisUrl };
  const role = (name: 'agent' | 'server', core: string) =>
    startStampede(
      [name, '--name', `${name}-1`, '--cores', core, '--metrics', `127.0.0.1:${ports[name]}`],
      environment,
    );
  const members = [role('server', '1'), role('agent', '0')];
  try {
    const out = join(folder, 'cluster');
    const coordinator = startStampede(
      ['coordinator', path, '--out', out, '--metrics', `127.0.0.1:${ports.coordinator}`],
      environment,
    );
    const { status, stderr } = await coordinator.ended;
    if (status !== 0) throw new Error(`stampede coordinator ended with ${status}: ${stderr}`);
    const [agentText, serverText] = await Promise.all([served(ports.agent), served(ports.server)]);
    const targets = await prometheus.targets();
    return { cluster: await readWatched(out, stderr), agentText, serverText, targets };
  } finally {
    for (const { child } of members) child.kill('SIGTERM');
    await Promise.all(members.map(({ ended }) => ended));
  }
}

async function served(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return await response.text();
}

async function readWatched(out: string, said: string): Promise<WatchedRun> {
  const folder = runFolder(out);
  const read = (path: string) => readFile(path, 'utf8');
  return {
    folder,
    said,
    run: (JSON.parse(await read(folder.run)) as { run: string }).run,
    trials: (await read(folder.trials))
      .trim()
      .split('\n')
      .map((line) => trialRecordSchema.parse(JSON.parse(line))),
    comparison: comparisonSchema.parse(JSON.parse(await read(folder.comparison))),
  };
}
