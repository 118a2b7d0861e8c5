/** What the doctor makes of a machine: a table of facts and findings. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DoctorFacts, type Finding, findings } from '../../cli/doctor-findings.ts';
import { collectEnvironment } from '../../coordinator/environment.ts';
import type { Machine } from '../../coordinator/plan/machine.ts';
import type { LinkAbility } from '../../linux/link-abilities.ts';
import { aMachine } from '../plan/a-machine.ts';

const here = await collectEnvironment();
const programs = {
  'redis-server': {
    path: '/usr/bin/redis-server',
    get: 'apt-get install redis-server',
    why: 'every run needs one',
  },
};

function about(topic: string, machine: Partial<Machine>, facts: Partial<DoctorFacts> = {}): Finding {
  const all = findings({
    environment: here,
    machine: aMachine(machine),
    abilities: [],
    links: [],
    programs,
    ...facts,
  });
  const found = all.find((finding) => finding.topic === topic);
  assert.ok(found, `nothing about ${topic}`);
  return found;
}

const withCpu = (cpu: Partial<typeof here.cpu>): Partial<DoctorFacts> => ({
  environment: { ...here, cpu: { ...here.cpu, ...cpu } },
});

const native: LinkAbility = { kind: 'af_xdp', works: 'af_xdp (native)', refused: null };
const packet: LinkAbility = { kind: 'af_packet', works: 'af_packet', refused: null };
const tap: LinkAbility = { kind: 'tap', works: 'tap', refused: null };
const refused = (link: LinkAbility): LinkAbility => ({ ...link, works: null, refused: 'EPERM' });

for (const [what, found, standing, advice] of [
  ['one core', about('cores', { cores: [0] }), 'missing', /needs 2/],
  ['two cores', about('cores', { cores: [0, 1] }), 'ok', null],
  [
    'hardware threads',
    about('SMT', {
      siblings: [
        [0, 1],
        [2, 3],
      ],
    }),
    'weak',
    /smt\/control/,
  ],
  [
    '256 descriptors',
    about('open files', { descriptors: 256 }),
    'weak',
    /at most 128 connections at a time.*ulimit -n/,
  ],
  [
    'twenty ports',
    about('port range', { ports: { low: 20_000, high: 20_019, reserved: 0 } }),
    'weak',
    /ip_local_port_range="1024 65535"/,
  ],
  ['no reuse of ports', about('tcp_tw_reuse', { timeWaitReuse: 0 }), 'weak', /tcp_tw_reuse=2/],
  ['reuse without timestamps', about('tcp_tw_reuse', { timestamps: false }), 'weak', /client-rst/],
  [
    'no namespaces',
    about('lab namespaces', { namespacesRefused: 'not permitted' }),
    'weak',
    /--lab loopback/,
  ],
  ['a saving governor', about('governor', {}, withCpu({ governors: ['powersave'] })), 'weak', /cpupower/],
  ['the performance governor', about('governor', {}, withCpu({ governors: ['performance'] })), 'ok', null],
  ['no governor to be seen', about('governor', {}, withCpu({ governors: null })), 'unknown', null],
  [
    'refused io_uring',
    about(
      'io_uring',
      {},
      { abilities: [{ name: 'io_uring', refused: 'EPERM', advice: 'agents take epoll' }] },
    ),
    'missing',
    /epoll/,
  ],
  ['links, native', about('links below TCP', {}, { links: [native, packet, tap] }), 'ok', null],
  [
    'links, generic',
    about('links below TCP', {}, { links: [{ ...native, works: 'af_xdp (generic)' }, packet, tap] }),
    'weak',
    /slower than with native af_xdp/,
  ],
  [
    'links without af_xdp',
    about('links below TCP', {}, { links: [refused(native), packet, tap] }),
    'weak',
    /slower than with native af_xdp/,
  ],
  [
    'a TAP device alone',
    about('links below TCP', {}, { links: [refused(native), refused(packet), tap] }),
    'missing',
    /CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF/,
  ],
] as const) {
  test(`findings(): ${what} is ${standing}`, () => {
    assert.equal(found.standing, standing);
    if (advice === null) assert.equal(found.advice, null);
    else assert.match(found.advice ?? '', advice);
  });
}

test('findings(): without redis-server no run is possible, without another program one is', () => {
  const gone = { path: null, get: 'apt-get install x', why: 'y' };
  assert.equal(about('redis-server', {}, { programs: { 'redis-server': gone } }).blocks, true);
  assert.equal(about('nginx', {}, { programs: { nginx: gone } }).blocks, false);
  assert.equal(about('nginx', {}, { programs: { nginx: gone } }).advice, 'y: apt-get install x');
});

test('collectEnvironment() records the machine and nothing of its owner', () => {
  assert.match(here.host.kernel ?? '', /^\d+\.\d+/);
  assert.ok(here.cpu.online >= 1);
  assert.equal(here.versions.node, process.version);
  assert.match(here.settings['net.core.somaxconn'] ?? '', /^\d+$/);
  const text = JSON.stringify(here);
  for (const [name, value] of Object.entries(process.env)) {
    if ((value ?? '').length >= 12 && !/^(_|PWD|OLDPWD|PATH|HOME)$/.test(name))
      assert.ok(!text.includes(value as string), `it holds the value of ${name}`);
  }
});

test('collectEnvironment() gives a reason for every null', () => {
  const nulls = (value: unknown, path: string): string[] =>
    value === null
      ? [path]
      : typeof value === 'object'
        ? Object.entries(value as object).flatMap(([key, inner]) =>
            nulls(inner, path === '' ? key : `${path}.${key}`),
          )
        : [];
  assert.deepEqual(
    nulls(here, '').filter((path) => !(path in here.notes)),
    [],
  );
});

test('findings() say which link below TCP would be chosen, and why a better one is not', () => {
  const links = [refused(native), packet, tap];
  assert.equal(
    about('links below TCP', {}, { links }).is,
    'af_packet, would be chosen; tap works; no af_xdp: EPERM',
  );
});
