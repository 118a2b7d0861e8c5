import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { SimulationInputError } from '../../simulator/input-error.ts';
import { beds } from '../../simulator/machine/beds.ts';
import { Distance } from '../../simulator/machine/distance.ts';
import { loadMachine, machineOf, machines } from '../../simulator/machine/load.ts';
import { coresOf } from '../../simulator/machine/machine.ts';
import { machineOfThisHost } from '../../simulator/machine/this-host.ts';

test('machines: those of the papers have the cores they had', () => {
  const cores = Object.fromEntries(
    Object.entries(machines).map(([name, machine]) => [name, coresOf(machine)]),
  );
  assert.deepEqual(cores, { x5560: 8, 'e5-2690': 8, 'e5-2697v2': 24, amd48: 48 });
});

test('loadMachine(): reads a YAML file of the same shape', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'machine-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'mine.yaml');
  writeFileSync(path, stringify({ ...beds.x5560, name: 'mine', coresPerSocket: 2 }));
  assert.equal(loadMachine(path).name, 'mine');
  assert.equal(coresOf(loadMachine(path)), 4);
});

test('loadMachine(): a name that is not there names those that are', () => {
  assert.throws(
    () => loadMachine('pdp11'),
    (error: Error) => {
      assert.ok(error instanceof SimulationInputError);
      assert.match(error.message, /Cannot find machine "pdp11".*x5560, e5-2690, e5-2697v2, amd48/);
      return true;
    },
  );
  assert.throws(() => loadMachine('./not-there.yaml'), /Cannot read machine file .\/not-there.yaml/);
});

test('machineOf(): says which latency is missing, and refuses what no machine has', () => {
  const { otherCore: _missing, ...latencies } = beds.x5560.latencyCycles;
  assert.throws(
    () => machineOf({ ...beds.x5560, latencyCycles: latencies }, 'a.yaml'),
    /latencyCycles.otherCore/,
  );
  assert.throws(() => machineOf({ ...beds.x5560, sockets: -1 }, 'a.yaml'), /sockets/);
  assert.throws(() => machineOf({ ...beds.x5560, wheels: 4 }, 'a.yaml'), /wheels/);
  assert.throws(() => machineOf(null, 'a.yaml'), SimulationInputError);
});

test('Distance: cores count socket by socket, and hops say how far sockets are', () => {
  const machine = machineOf(
    {
      ...beds.x5560,
      sockets: 3,
      hops: [
        [0, 1, 2],
        [1, 0, 1],
        [2, 1, 0],
      ],
      latencyCycles: { ...beds.x5560.latencyCycles, otherCore: 50, otherSocket: [200, 300] },
    },
    'three.yaml',
  );
  const distance = new Distance(machine, 12);
  const table = [
    [0, 0, 0],
    [0, 3, 50],
    [0, 4, 200],
    [0, 8, 300],
    [11, 4, 200],
  ] as const;
  for (const [from, to, cycles] of table)
    assert.equal(distance.between(from, to), cycles, `${from} to ${to}`);
});

test('machineOfThisHost(): takes sockets, caches and maker from the files that tell them', () => {
  const files: Record<string, string> = {
    '/proc/cpuinfo': 'processor\t: 0\nvendor_id\t: AuthenticAMD\n',
    '/sys/devices/system/cpu/cpu0/cache/index2/level': '2',
    '/sys/devices/system/cpu/cpu0/cache/index2/size': '512K',
    '/sys/devices/system/cpu/cpu0/cache/index3/level': '3',
    '/sys/devices/system/cpu/cpu0/cache/index3/size': '32768K',
    '/sys/devices/system/cpu/cpu0/topology/physical_package_id': '0',
    '/sys/devices/system/cpu/cpu1/topology/physical_package_id': '0',
    '/sys/devices/system/cpu/cpu2/topology/physical_package_id': '1',
    '/sys/devices/system/cpu/cpu3/topology/physical_package_id': '1',
  };
  const machine = machineOfThisHost((path) => files[path] ?? null, {
    cores: 4,
    model: 'some',
    megahertz: 3000,
  });
  assert.equal(machine.protocol, 'moesi');
  assert.deepEqual(
    [
      machine.sockets,
      machine.coresPerSocket,
      machine.clockGHz,
      machine.privateCacheKiB,
      machine.sharedCacheKiB,
    ],
    [2, 2, 3, 512, 32_768],
  );
  assert.ok(coresOf(machineOfThisHost()) >= 1);
});
