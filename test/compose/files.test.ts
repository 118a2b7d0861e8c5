import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parse } from 'yaml';
import { parseScenario } from '../../protocol/scenario-file.ts';
import { designs, parseVariant } from '../../protocol/variant-catalogue.ts';
import {
  networksOf,
  readCompose,
  readDockerfile,
  type Service,
  someHosts,
  someVariables,
} from './project-files.ts';

const cluster = readCompose('docker-compose.yml', someVariables);
const joining = {
  agent: readCompose('compose.agent.yaml', { ...someVariables, ...someHosts }).services.get('agent'),
  server: readCompose('compose.server.yaml', { ...someVariables, ...someHosts }).services.get(
    'server-under-test',
  ),
} as Readonly<Record<string, Service>>;
const stages = readDockerfile();
const service = (name: string): Service => {
  const found = cluster.services.get(name);
  assert.ok(found !== undefined, `no service ${name}`);
  return found;
};
const everyService: readonly (readonly [string, Service])[] = [
  ...cluster.services,
  ...Object.entries(joining).map(([name, one]) => [`${name} of compose.${name}.yaml`, one] as const),
];

const allFiles = [
  ['docker-compose.yml'],
  ['docker-compose.yml', 'compose.hosts.yaml'],
  ['compose.agent.yaml'],
  ['compose.server.yaml'],
];
const composeProgram = spawnSync('docker-compose', ['version', '--short'], { encoding: 'utf8' });
const noCompose =
  composeProgram.status === 0 ? false : 'docker-compose is not installed (apt-get install docker-compose)';

/** Not the .env that somebody may have here. */
const folder = mkdtempSync(join(tmpdir(), 'test-compose-'));
const nothing = join(folder, 'nothing');
writeFileSync(nothing, '');
after(() => rmSync(folder, { recursive: true }));

for (const files of allFiles) {
  test(`docker-compose takes ${files.join(' with ')}, and without a variable says which and what to do`, {
    skip: noCompose,
  }, () => {
    const check = (environment: Readonly<Record<string, string>>) =>
      spawnSync(
        'docker-compose',
        [...files.flatMap((file) => ['-f', file]), '--env-file', nothing, 'config', '-q'],
        { encoding: 'utf8', env: { PATH: process.env.PATH, ...environment } },
      );
    const whole = check({ ...someVariables, ...someHosts });
    assert.deepEqual([whole.status, whole.stderr], [0, '']);
    const { STAMPEDE_TOKEN: _, ...without } = { ...someVariables, ...someHosts };
    if (files.length === 1) {
      const refused = check(without);
      assert.notEqual(refused.status, 0);
      assert.match(
        refused.stderr,
        /STAMPEDE_TOKEN.*is missing, (run "sh docker\/make-env\.sh"|it is the one)/,
      );
    }
  });
}

test('docker-compose.yml has a service for each part of a cluster, on the networks that it needs and no other', () => {
  const on = Object.fromEntries([...cluster.services].map(([name, one]) => [name, networksOf(one)]));
  assert.deepEqual(on, {
    redis: ['control'],
    coordinator: ['control'],
    'server-under-test': ['control', 'load'],
    agent: ['control', 'load'],
    'agent-k6': ['control', 'load'],
    prometheus: ['control'],
    grafana: ['control'],
  });
  assert.equal(cluster.networks.load?.internal, true);
});

test('each service has the rights of its role: BPF and frames for members, none for anybody else', () => {
  const rights = Object.fromEntries(everyService.map(([name, { cap_add }]) => [name, [...cap_add].sort()]));
  const agent = ['BPF', 'IPC_LOCK', 'NET_ADMIN', 'NET_RAW', 'SETGID', 'SETPCAP', 'SETUID'];
  const server = [...agent, 'PERFMON'].sort();
  assert.deepEqual(rights, {
    redis: [],
    coordinator: [],
    'server-under-test': server,
    agent,
    'agent-k6': agent,
    prometheus: [],
    grafana: [],
    'agent of compose.agent.yaml': agent,
    'server of compose.server.yaml': server,
  });
});

test('every service drops all else, gains no right later, writes only where it must, and has limits', () => {
  for (const [name, one] of everyService) {
    assert.deepEqual(one.cap_drop, ['ALL'], name);
    assert.ok(one.security_opt.includes('no-new-privileges:true'), name);
    assert.ok(!one.security_opt.some((option) => option.includes('unconfined')), name);
    assert.ok(one.read_only && one.init, name);
    assert.match(one.mem_limit, /^\d+[mg]$/, name);
    assert.ok(one.pids_limit <= 512, name);
    assert.match(one.cpuset, /^[\d,-]+$/, name);
    assert.ok(!('privileged' in one || 'pid' in one || 'ipc' in one || 'devices' in one), name);
    assert.ok(!one.volumes.some((volume) => volume.includes('docker.sock')), name);
  }
});

test('io_uring and bpf are allowed to members alone, by a profile of our own', () => {
  for (const [name, { security_opt }] of everyService) {
    const isMember = /^(server|agent)/.test(name);
    assert.equal(security_opt.includes('seccomp:./docker/seccomp.json'), isMember, name);
  }
});

test('nobody has a quota on the cores that make or take load; everybody else has one', () => {
  for (const [name, { cpus, cpuset }] of everyService) {
    const isMember = /^(server|agent)/.test(name);
    assert.equal(cpus, isMember ? undefined : 1, name);
    const cores = name.startsWith('server') ? '2-3' : name.startsWith('agent') ? '0-1' : '0';
    assert.equal(cpuset, cores, name);
  }
});

test('what is published is published on loopback, Redis not at all', () => {
  const ports = [...cluster.services].flatMap(([name, one]) => one.ports.map((port) => [name, port]));
  assert.deepEqual(ports, [
    ['coordinator', '127.0.0.1:9465:9465'],
    ['prometheus', '127.0.0.1:9090:9090'],
    ['grafana', '127.0.0.1:3000:3000'],
  ]);
  const opened = parse(readFileSync('compose.hosts.yaml', 'utf8')) as {
    services: Record<string, { ports: string[] }>;
  };
  assert.match(
    opened.services.redis?.ports.join() ?? '',
    /^\$\{STAMPEDE_CONTROL_ADDRESS:\?[^}]*\}:6380:6380$/,
  );
});

test('ports agree: metrics, page and health in commands, Prometheus, Grafana and docs/cluster.md', () => {
  const after = (one: Service, flag: string): string | undefined =>
    one.command?.[one.command.indexOf(flag) + 1];
  for (const name of ['coordinator', 'server-under-test', 'agent', 'agent-k6'])
    assert.equal(after(service(name), '--metrics'), '0.0.0.0:9464', name);
  assert.equal(after(service('coordinator'), '--page'), '0.0.0.0:9465');
  assert.match(readFileSync('docker/health.sh', 'utf8'), /STAMPEDE_METRICS:-0\.0\.0\.0:9464/);
  const docs = readFileSync('docs/cluster.md', 'utf8');
  for (const port of ['9464', '9465', '9090', '3000', '6380'])
    assert.match(docs, new RegExp(`\\b${port}\\b`));
});

test('Prometheus looks for the services by their names, and Grafana for Prometheus', () => {
  const prometheus = readFileSync('dashboards/prometheus/prometheus.yml', 'utf8');
  const names = [...prometheus.matchAll(/targets: \[([\w-]+):9464\]|names: \[([\w-]+)\]/g)].map(
    ([, one, other]) => one ?? other,
  );
  assert.deepEqual(names, ['coordinator', 'server-under-test', 'agent']);
  const [tokenFile] = /\/run\/secrets\/\w+/.exec(prometheus) ?? [];
  assert.ok(readFileSync('docker/prometheus/start.sh', 'utf8').includes(`>${tokenFile}\n`), tokenFile);
  assert.deepEqual((service('agent-k6').networks as Record<string, unknown>).control, { aliases: ['agent'] });
  for (const volume of service('grafana').volumes.filter((text) => text.startsWith('./'))) {
    const [from = '', to = ''] = volume.split(':');
    assert.ok(existsSync(from), volume);
    if (from.endsWith('/json'))
      assert.ok(
        readFileSync('dashboards/grafana/provisioning/dashboards/stampede.yaml', 'utf8').includes(to),
      );
  }
});

test('no secret stands in a file: every one is a variable that has no default', () => {
  for (const path of ['docker-compose.yml', 'compose.agent.yaml', 'compose.server.yaml']) {
    const text = readFileSync(path, 'utf8');
    const secrets = [...text.matchAll(/^ +\w*(?:PASSWORD|TOKEN|REDIS_URL)\w*: (.*)$/gm)].map(
      ([, value]) => value as string,
    );
    assert.ok(secrets.length >= 2, path);
    for (const value of secrets) {
      assert.match(value, /\$\{STAMPEDE_[A-Z_]*(PASSWORD|TOKEN):\?/, `${path}: ${value}`);
      assert.doesNotMatch(value, /(PASSWORD|TOKEN):-/, `${path}: ${value}`);
    }
  }
  for (const path of ['.gitignore', '.dockerignore'])
    for (const kept of ['.env', 'tls/', 'redis-data/'])
      assert.ok(readFileSync(path, 'utf8').split('\n').includes(kept), path);
  const tracked = execFileSync('git', ['ls-files'], { encoding: 'utf8' }).split('\n');
  assert.deepEqual(
    tracked.filter((path) => /(^|\/)(\.env|tls\/|.*\.(pem|key)$)/.test(path)),
    [],
  );
});

test('every role has a stage of the Dockerfile that its service is built from, with a health check', () => {
  for (const [name, { build, image }] of everyService) {
    if (build === undefined) {
      assert.equal(name, 'grafana');
      continue;
    }
    const chain = [build.target];
    for (let from = stages.get(build.target)?.from; from !== undefined; from = stages.get(from)?.from)
      chain.push(from);
    const lines = chain.flatMap((stage) => stages.get(stage)?.lines ?? []);
    assert.ok(chain.length >= 2, `${name}: no stage ${build.target}`);
    assert.ok(
      lines.some((line) => line.startsWith('HEALTHCHECK')),
      name,
    );
    assert.equal(image, `stampede-${build.target}`);
  }
});

test('the Dockerfile sets up as a checkout does, and its stages are not root where that can be', () => {
  assert.ok(stages.get('build')?.lines.some((line) => line.includes('node setup.mjs --without-programs')));
  const users = Object.fromEntries(
    [...stages].map(([name, { lines }]) => [
      name,
      lines.findLast((line) => line.startsWith('USER '))?.slice('USER '.length) ?? null,
    ]),
  );
  assert.deepEqual(users, {
    build: null,
    role: null,
    coordinator: 'node',
    // These begin as root and become "node": see start-member.sh.
    agent: null,
    server: null,
    redis: 'redis',
    prometheus: '65534:65534',
    k6: null,
    'agent-k6': null,
  });
  assert.match(
    readFileSync('docker/start-member.sh', 'utf8'),
    /exec setpriv --reuid=node .*--bounding-set=/s,
  );
});

test('the images that compose builds on are those of the Dockerfile, and docs/cluster.md names them', () => {
  const defaults = Object.fromEntries(
    [...readFileSync('Dockerfile', 'utf8').matchAll(/^ARG (\w+_IMAGE)=(\S+)$/gm)].map(([, name, tag]) => [
      name,
      tag,
    ]),
  );
  const named: Record<string, string> = {};
  for (const [, { build }] of everyService) Object.assign(named, build?.args);
  assert.deepEqual(named, defaults);
  const docs = readFileSync('docs/cluster.md', 'utf8');
  for (const tag of Object.values(defaults)) assert.ok(docs.includes(tag as string), `docs: ${tag}`);
});

test('scenarios/cluster.yaml compares every design, with as many agents as compose starts', () => {
  const scenario = parseScenario(readFileSync('scenarios/cluster.yaml', 'utf8'), 'scenarios/cluster.yaml');
  const compared = scenario.factors.variant.map((variant) => parseVariant(variant)?.design);
  assert.deepEqual([...compared].sort(), Object.keys(designs).sort());
  assert.equal(scenario.lab, 'cluster');
  assert.equal(scenario.agents.count, service('agent').scale);
  assert.ok(service('coordinator').command?.includes('scenarios/cluster.yaml'));
  const server = [...(stages.get('server')?.lines ?? [])].join();
  for (const { ours } of Object.values(designs)) assert.ok(ours || server.includes('nginx-light'));
});
