/** The lab of namespaces: real ones, real veth, real TCP through them; and nothing left, however the coordinator ends. */

import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { cpus } from 'node:os';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Lab } from '../../coordinator/labs/lab.ts';
import { coreMask } from '../../coordinator/labs/namespaces.ts';
import { openLab } from '../../coordinator/labs/open-lab.ts';
import { namespacesRefused } from '../../coordinator/labs/possible.ts';
import { findProgram } from '../../coordinator/labs/program.ts';

const refused = namespacesRefused();
const options = { skip: refused === null ? false : `no namespaces here: ${refused}`, timeout: 30_000 };

const pidOf = (namespace: string | null): number => Number(/\/proc\/(\d+)\//.exec(namespace ?? '')?.[1]);
const inside = (namespace: string | null, ...command: string[]): string =>
  execFileSync('nsenter', [`--net=${namespace}`, '--', ...command], { encoding: 'utf8' });
const settingOf = (namespace: string | null, name: string): string =>
  inside(namespace, 'cat', `/proc/sys/net/${name}`).trim().replace(/\s+/g, ' ');

async function labFor(t: TestContext, agents: number, sourceAddresses = 2): Promise<Lab> {
  const lab = await openLab('namespaces', { agents, sourceAddresses });
  t.after(() => lab.close());
  return lab;
}

/** Exchanges a line over TCP between the two sides, and gives who the server saw. */
function exchange(lab: Lab, agent: number, source: string): string {
  const [address] = lab.serverAddresses;
  const server = spawn('nsenter', [
    `--net=${lab.serverNamespace}`,
    '--',
    process.execPath,
    '-e',
    `const s=require('net').createServer(c=>c.end(c.remoteAddress)).listen(7000,'${address}',()=>console.log('up'))`,
  ]);
  try {
    return inside(
      lab.agents[agent]?.namespace ?? null,
      process.execPath,
      '-e',
      `const go=n=>{const c=require('net').connect({host:'${address}',port:7000,localAddress:'${source}'});
       c.on('data',d=>process.stdout.write(d));c.on('error',e=>n?setTimeout(go,50,n-1):console.log(e.message))};go(60)`,
    );
  } finally {
    server.kill('SIGKILL');
  }
}

test(
  'openLab("namespaces") joins every agent to the server, from every source address',
  options,
  async (t) => {
    const lab = await labFor(t, 2, 1000);
    for (const [index, agent] of lab.agents.entries()) {
      assert.equal(agent.sourceAddresses.length, 1000);
      assert.equal(new Set(agent.sourceAddresses).size, 1000);
      assert.deepEqual(
        agent.allow,
        lab.serverAddresses.map((address) => `${address}/32`),
      );
      for (const source of [agent.sourceAddresses[0], agent.sourceAddresses[999]])
        assert.equal(exchange(lab, index, source as string), source);
    }
  },
);

test(
  'openLab("namespaces") takes addresses from 198.18.0.0/15 alone, different for every agent',
  options,
  async (t) => {
    const lab = await labFor(t, 3, 1000);
    const all = lab.agents.flatMap(({ sourceAddresses }) => sourceAddresses);
    assert.equal(new Set(all).size, 3000);
    for (const address of [...all, ...lab.serverAddresses]) assert.match(address, /^198\.1[89]\.\d+\.\d+$/);
  },
);

test('openLab("namespaces") sets what short connections need, inside only', options, async (t) => {
  const before = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const congestion = readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8');
  const lab = await labFor(t, 1);
  const agent = lab.agents[0]?.namespace ?? null;
  assert.equal(settingOf(agent, 'ipv4/ip_local_port_range'), '1024 65535');
  assert.equal(settingOf(agent, 'ipv4/tcp_tw_reuse'), '1');
  assert.ok(['cubic', 'reno'].includes(settingOf(agent, 'ipv4/tcp_congestion_control')));
  assert.ok(['cubic', 'reno'].includes(settingOf(lab.serverNamespace, 'ipv4/tcp_congestion_control')));
  assert.ok(Number(settingOf(lab.serverNamespace, 'core/somaxconn')) >= 4096);
  assert.match(lab.notes['lab.settings.agents'] ?? '', /tcp_tw_reuse=1/);
  assert.equal(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), before);
  assert.equal(readFileSync('/proc/sys/net/ipv4/tcp_congestion_control', 'utf8'), congestion);
});

test("placeTrial() steers each side's packets to its own cores", options, async (t) => {
  const lab = await labFor(t, 1);
  const masks = (namespace: string | null, device: string): string[] => {
    const queues = `/proc/${pidOf(namespace)}/root/sys/class/net/${device}/queues`;
    return readdirSync(queues)
      .filter((name) => name.startsWith('rx-'))
      .map((name) => readFileSync(`${queues}/${name}/rps_cpus`, 'utf8').trim());
  };
  await lab.placeTrial({ serverCores: [1], loadCores: [0] });
  assert.ok(masks(lab.serverNamespace, 'srv0').every((mask) => Number.parseInt(mask, 16) === 2));
  assert.ok(
    masks(lab.agents[0]?.namespace ?? null, 'load0').every((mask) => Number.parseInt(mask, 16) === 1),
  );
  assert.match(lab.notes['lab.steering'] ?? '', /server 2, load 1/);
  await lab.placeTrial({ serverCores: [0], loadCores: [1] });
  assert.ok(masks(lab.serverNamespace, 'srv0').every((mask) => Number.parseInt(mask, 16) === 1));
});

/** Of a device, whether its kernel leaves checksums to it. */
function leavesChecksums(namespace: string | null, device: string): boolean {
  return /^tx-checksumming: on$/m.test(inside(namespace, 'ethtool', '--show-features', device));
}

test(
  "placeTrial() has a side's kernel finish its checksums, in trials whose frames are taken below TCP",
  options,
  async (t) => {
    if (findProgram('ethtool') === null) return t.skip('ethtool is not installed');
    const lab = await labFor(t, 2);
    const cores = { serverCores: [1], loadCores: [0] };
    const leaves = (): boolean[] => [
      leavesChecksums(lab.serverNamespace, 'srv0'),
      leavesChecksums(lab.serverNamespace, 'srv1'),
      ...lab.agents.map(({ namespace }) => leavesChecksums(namespace, 'load0')),
    ];
    await lab.placeTrial(cores);
    assert.deepEqual(leaves(), [true, true, true, true]);
    await lab.placeTrial({ ...cores, wholeChecksums: { server: false, agents: true } });
    assert.deepEqual(leaves(), [true, true, false, false]);
    await lab.placeTrial({ ...cores, wholeChecksums: { server: true, agents: false } });
    assert.deepEqual(leaves(), [false, false, true, true]);
    await lab.placeTrial(cores);
    assert.deepEqual(leaves(), [true, true, true, true]);
    assert.match(lab.notes['lab.offloads'] ?? '', /tx-checksumming=off in trials/);
  },
);

test(
  'placeTrial() gives devices a queue for each server core where both ends take frames below TCP',
  options,
  async (t) => {
    if (findProgram('ethtool') === null) return t.skip('ethtool is not installed');
    const lab = await labFor(t, 1);
    const all = cpus().length;
    const queues = (): number[] =>
      [
        [lab.serverNamespace, 'srv0'] as const,
        ...lab.agents.map(({ namespace }) => [namespace, 'load0'] as const),
      ].map(
        ([namespace, device]) =>
          readdirSync(`/proc/${pidOf(namespace)}/root/sys/class/net/${device}/queues`).filter((name) =>
            name.startsWith('rx-'),
          ).length,
      );
    const cores = { serverCores: [1], loadCores: [0] };
    await lab.placeTrial(cores);
    assert.deepEqual(queues(), [all, all]);
    assert.equal(lab.notes['lab.queues'], `${all} (of the last trial placed)`);
    await lab.placeTrial({ ...cores, wholeChecksums: { server: true, agents: true } });
    assert.deepEqual(queues(), [1, 1]);
    assert.equal(lab.notes['lab.queues'], '1 (of the last trial placed)');
    assert.match(lab.notes['lab.steering'] ?? '', /server 2, load 1/);
    await lab.placeTrial({ ...cores, wholeChecksums: { server: true, agents: false } });
    assert.deepEqual(queues(), [all, all]);
  },
);

test('openLab("namespaces") makes what a link below TCP needs true', options, async (t) => {
  const lab = await labFor(t, 2);
  // Linux 5.18; before, a retransmission may always take another queue.
  if (existsSync('/proc/sys/net/core/txrehash'))
    for (const { namespace } of lab.agents) assert.equal(settingOf(namespace, 'core/txrehash'), '0');
  const hardware = (namespace: string | null, device: string): string =>
    /link\/ether (\S+)/.exec(inside(namespace, 'ip', 'link', 'show', device))?.[1] ?? '';
  assert.equal(hardware(lab.serverNamespace, 'srv0'), hardware(lab.serverNamespace, 'srv1'));
  const [first, second] = lab.agents.map(({ namespace }) => hardware(namespace, 'load0'));
  assert.notEqual(first, second);
});

test('close() leaves no process and no device behind, also when called twice', options, async () => {
  const devices = readdirSync('/sys/class/net');
  const lab = await openLab('namespaces', { agents: 2, sourceAddresses: 1 });
  const pids = [lab.serverNamespace, ...lab.agents.map(({ namespace }) => namespace)].map(pidOf);
  assert.ok(pids.every((pid) => existsSync(`/proc/${pid}`)));
  await Promise.all([lab.close(), lab.close()]);
  await lab.close();
  assert.ok(pids.every((pid) => !existsSync(`/proc/${pid}`)));
  assert.deepEqual(readdirSync('/sys/class/net'), devices);
});

test('openLab("namespaces") leaves nothing of a coordinator that was killed', options, async () => {
  const library = fileURLToPath(new URL('../../coordinator/labs/open-lab.js', import.meta.url));
  const owner = spawn(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { openLab } from '${library}';
      const lab = await openLab('namespaces', { agents: 2, sourceAddresses: 1 });
      console.log(JSON.stringify([lab.serverNamespace, ...lab.agents.map((agent) => agent.namespace)]));
      setInterval(() => {}, 1000);`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
  const namespaces = JSON.parse(line) as string[];
  const identities = namespaces.map((path) => readlinkSync(path));
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  for (let waited = 0; namespaces.some((path) => existsSync(path)) && waited < 5_000; waited += 20)
    await sleep(20);
  assert.ok(
    namespaces.every((path) => !existsSync(path)),
    'a holder outlived its coordinator',
  );
  const alive = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readlinkSync(`/proc/${pid}/ns/net`);
      } catch {
        return '';
      }
    });
  assert.ok(
    identities.every((identity) => !alive.includes(identity)),
    'a process still lives in a namespace of the lab',
  );
});

test('broken settles when a holder is killed, and says which', options, async (t) => {
  const lab = await labFor(t, 1);
  process.kill(pidOf(lab.agents[0]?.namespace ?? null), 'SIGKILL');
  assert.match(await lab.broken, /the holder of the agent 0's namespace \(pid \d+\) was killed by SIGKILL/);
});

for (const right of ['cap_sys_admin', 'cap_net_admin']) {
  test(`openLab("namespaces") without ${right} says so at once, and leaves nothing`, options, async (t) => {
    if (spawnSync('capsh', ['--print']).status !== 0) return t.skip('capsh is not installed');
    const library = fileURLToPath(new URL('../../coordinator/labs/open-lab.js', import.meta.url));
    const script = `import { openLab } from '${library}'; await openLab('namespaces', { agents: 1, sourceAddresses: 1 }).catch((error) => { console.log(error.exitStatus, error.message); });`;
    const began = performance.now();
    const said = execFileSync(
      'capsh',
      [`--drop=${right}`, '--', '-c', `exec '${process.execPath}' --input-type=module -e "${script}"`],
      { encoding: 'utf8' },
    );
    assert.match(
      said,
      /^2 Cannot make the lab "namespaces": .*Operation not permitted; needs root .*Or use --lab loopback/,
    );
    assert.ok(performance.now() - began < 2_000);
  });
}

test('coreMask() writes cores as the kernel reads them', () => {
  assert.equal(coreMask([0]), '1');
  assert.equal(coreMask([1, 3]), 'a');
  assert.equal(coreMask([31]), '80000000');
  assert.equal(coreMask([0, 32]), '1,00000001');
  assert.equal(coreMask([63]), '80000000,00000000');
  assert.equal(coreMask([]), '0');
});
