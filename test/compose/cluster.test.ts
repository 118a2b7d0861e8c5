import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { trialRecordSchema } from '../../protocol/trial-record.ts';
import { childrenOf } from '../roles/role-process.ts';
import { type Engine, startEngine } from './engine.ts';

/**
 * The cluster for real: images built, containers started, every design flooded by two agents, all of it gone again. It
 * takes minutes and a Docker engine, so it runs when it is asked for: npm run test:cluster.
 */
const skip =
  process.env.STAMPEDE_TEST_CLUSTER === undefined
    ? 'STAMPEDE_TEST_CLUSTER is not set: run "npm run test:cluster", which wants a Docker engine and some minutes'
    : false;

const services = ['redis', 'coordinator', 'server-under-test', 'agent', 'prometheus'];
const project = `stampede-test-${process.pid}`;
/** Not the addresses of a cluster that somebody may have up. */
const elsewhere = {
  STAMPEDE_PUBLISH: '127.0.0.77',
  STAMPEDE_LOAD_NETWORK: '198.18.77.0/24',
  STAMPEDE_AGENT_ADDRESSES: '198.18.77.128/25',
  STAMPEDE_SERVER_ADDRESS: '198.18.77.2',
};

const folder = mkdtempSync(join(tmpdir(), 'test-cluster-'));
const runs = join(folder, 'runs');
let engine: Engine;

before(() => {
  if (skip !== false) return;
  const override = join(folder, 'override.json');
  writeFileSync(
    override,
    JSON.stringify({ services: { coordinator: { volumes: [`${runs}:/stampede/runs`] } } }),
  );
  engine = startEngine({
    files: ['docker-compose.yml', override],
    name: project,
    environmentFile: join(folder, '.env'),
    environment: {
      DOCKER_BUILDKIT: process.env.DOCKER_BUILDKIT ?? '0',
      STAMPEDE_BUILD_NETWORK: 'host',
      STAMPEDE_SCENARIO: 'scenarios/cluster.yaml',
    },
  });
  // Now that there is an engine to be asked what it knows.
  makeEnvironment();
});
after(async () => {
  if (skip !== false) return;
  try {
    engine.compose('down', '-v', '--remove-orphans');
  } finally {
    await engine.end();
    rmSync(folder, { recursive: true, force: true });
  }
});

function makeEnvironment(): void {
  const copy = join(folder, 'docker');
  mkdirSync(copy, { recursive: true });
  copyFileSync('docker/make-env.sh', join(copy, 'make-env.sh'));
  execFileSync('sh', [join(copy, 'make-env.sh')], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(
    join(folder, '.env'),
    Object.entries(elsewhere)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
    { flag: 'a' },
  );
}

/** Ids of a service's containers, ended ones too. */
const idsOf = (service: string): string[] => engine.compose('ps', '-aq', service).trim().split('\n');

test('the images are built, and the cluster runs its scenario to exit status 0', { skip }, async () => {
  engine.compose('build', ...services);
  engine.compose('up', '-d', '--no-build', ...services);
  const [coordinator = ''] = idsOf('coordinator');
  assert.equal(
    engine.docker('wait', coordinator).trim(),
    '0',
    engine.docker('logs', '--tail', '60', coordinator),
  );
});

test('two agents flooded every design over io_uring, and the comparison is whole', { skip }, () => {
  const [name = '', ...others] = readdirSync(runs);
  assert.deepEqual(others, []);
  const path = join(runs, name);
  const trials = trialsIn(path);
  const variants = new Set(trials.map(({ cell }) => cell.variant));
  assert.deepEqual([...variants].sort(), [
    'nginx',
    'nginx-reuseport',
    'reuseport',
    'single-queue',
    'user-level',
  ]);
  assert.equal(trials.length, 50);
  for (const { trial, cell, connections, generator, server } of trials) {
    assert.ok(connections.completed > 0.9 * 1000, `${trial}: ${connections.completed} connections`);
    assert.ok(
      connections.completed > 0.99 * connections.attempted,
      `${trial}: ${JSON.stringify(connections)}`,
    );
    assert.equal(generator.backend, 'io_uring', trial);
    if (cell.variant === 'user-level') assert.match(server.userLevel?.link ?? '', /^af_(xdp|packet)/, trial);
  }
  const floodedBy = new Map<string, Set<string>>();
  for (const { event, epoch, actor } of eventsIn(path))
    if (event === 'said-result')
      floodedBy.set(String(epoch), (floodedBy.get(String(epoch)) ?? new Set()).add(actor));
  // The two agents and the server.
  assert.deepEqual([...new Set([...floodedBy.values()].map(({ size }) => size))], [3]);
  const comparison = z
    .object({ rows: z.array(z.object({ variant: z.string(), metric: z.string(), blocks: z.number() })) })
    .parse(JSON.parse(readFileSync(join(path, 'comparison.json'), 'utf8')));
  const cost = comparison.rows.filter(({ metric }) => metric === 'server.cpuMicrosecondsPerConnection');
  assert.deepEqual(cost.map(({ variant, blocks }) => `${variant} ${blocks}`).sort(), [
    'nginx 10',
    'nginx-reuseport 10',
    'reuseport 10',
    'user-level 10',
  ]);
  for (const file of ['report.html', 'report.md', 'junit.xml', 'environment.json'])
    assert.ok(readFileSync(join(path, file), 'utf8').length > 500, file);
});

function trialsIn(path: string) {
  return readFileSync(join(path, 'trials.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => trialRecordSchema.parse(JSON.parse(line)));
}

function eventsIn(path: string) {
  const eventSchema = z.object({ event: z.string(), epoch: z.number(), actor: z.string() });
  return readFileSync(join(path, 'events.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => eventSchema.parse(JSON.parse(line)));
}

test('members are healthy, nobody of them is root, and each has the rights of its role alone', {
  skip,
}, () => {
  const allowed = { agent: 6, 'server-under-test': 7 } as const;
  for (const [service, most] of Object.entries(allowed))
    for (const id of idsOf(service)) {
      assert.equal(engine.docker('inspect', '-f', '{{.State.Health.Status}}', id).trim(), 'healthy', service);
      // The first process is the engine's own init.
      const [member = 0] = childrenOf(Number(engine.docker('inspect', '-f', '{{.State.Pid}}', id)));
      const status = readFileSync(`/proc/${member}/status`, 'utf8');
      assert.match(status, /^Name:\tnode$/m, service);
      assert.match(status, /^Uid:\t1000\t1000\t1000\t1000$/m, service);
      assert.match(status, /^NoNewPrivs:\t1$/m);
      const [, bound = ''] = /^CapBnd:\t([0-9a-f]+)$/m.exec(status) ?? [];
      const rights = [...BigInt(`0x${bound}`).toString(2)].filter((bit) => bit === '1').length;
      assert.ok(rights > 0 && rights <= most, `${service}: ${bound}`);
    }
});

test('the engine "packet" makes load in a container, too', { skip }, () => {
  engine.compose(
    ...['run', '--rm', '-T', 'coordinator', 'coordinator', 'scenarios/cluster.yaml', '--out', 'runs/packet'],
    ...['--set', 'engine=packet', '--set', 'variant=single-queue,user-level', '--blocks', '1', '--quiet'],
  );
  const trials = trialsIn(join(runs, 'packet'));
  assert.equal(trials.length, 2);
  for (const { connections, generator, trial } of trials) {
    assert.ok(connections.completed > 0.9 * 1000, `${trial}: ${connections.completed}`);
    assert.match(generator.backend, /^packet over af_(xdp|packet)/, trial);
  }
});

test('an agent may leave by no other way than its own networks: the load network has none', { skip }, () => {
  const [agent = ''] = idsOf('agent');
  const routes = engine.docker('exec', agent, 'ip', '-o', 'route', 'show', elsewhere.STAMPEDE_LOAD_NETWORK);
  const [, device = ''] = /dev (\S+)/.exec(routes) ?? [];
  assert.doesNotMatch(
    engine.docker('exec', agent, 'ip', '-o', 'route', 'show', 'default'),
    new RegExp(`dev ${device}\\b`),
  );
});

test('Prometheus has scraped the coordinator, the server and both agents', { skip }, async () => {
  const ask = async (query: string): Promise<string[]> => {
    const url = `http://${elsewhere.STAMPEDE_PUBLISH}:9090/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = z
      .object({ data: z.object({ result: z.array(z.object({ metric: z.record(z.string(), z.string()) })) }) })
      .parse(await (await fetch(url)).json());
    return answer.data.result.map(({ metric }) => metric.job ?? '').sort();
  };
  let jobs: string[] = [];
  for (let tries = 0; tries < 20 && jobs.length < 4; tries++) {
    jobs = await ask('max_over_time(up[15m]) == 1');
    await sleep(1_000);
  }
  assert.deepEqual(jobs, ['stampede-agent', 'stampede-agent', 'stampede-coordinator', 'stampede-server']);
});

test('down leaves nothing: no container, no network, no volume, no process', { skip }, () => {
  const pids = ['redis', 'server-under-test', 'agent', 'prometheus'].flatMap((service) =>
    idsOf(service).map((id) => engine.docker('inspect', '-f', '{{.State.Pid}}', id).trim()),
  );
  const label = ['--filter', `label=com.docker.compose.project=${project}`];
  assert.equal(
    engine
      .docker('ps', '-q', ...label)
      .trim()
      .split('\n').length,
    pids.length,
  );
  engine.compose('down', '-v');
  assert.equal(engine.docker('ps', '-aq', ...label), '');
  assert.equal(engine.docker('network', 'ls', '-q', ...label), '');
  assert.equal(engine.docker('volume', 'ls', '-q', ...label), '');
  for (const pid of pids) assert.ok(!readdirSync('/proc').includes(pid), pid);
});
