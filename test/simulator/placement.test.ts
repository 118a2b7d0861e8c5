/** Where the card interrupts: one core that takes all packets is the limit, and handing them on moves it up. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cycleLines } from '../../simulator/cycle-lines.ts';
import { stepNames } from '../../simulator/designs/design.ts';
import type { Run } from '../../simulator/engine/run.ts';
import { SimulationInputError } from '../../simulator/input-error.ts';
import { MachineError, machineOf, machines } from '../../simulator/machine/load.ts';
import { type Placement, placed } from '../../simulator/machine/placement.ts';
import { runsOf } from '../../simulator/simulator.ts';

const seed = 4;
const machine = machines['e5-2690'];
const packetSteps: readonly string[] = ['syn', 'ack', 'receive', 'finish'];

function run(design: string, placement: Placement, cores = 8): Run {
  const asked = { machine: placed(machine, placement), design, cores: [cores], connections: 6_000 };
  return runsOf({ ...asked, seeds: [seed] }, cores)[0];
}

/** Cycles a connection of the steps that packets ask for: work alone, or all that they cost. */
function packetCycles({ engine, program, connections }: Run, workOnly: boolean): number {
  const { work, moved, polled, waited, handedOver } = engine.accounts;
  let cycles = 0;
  for (let pc = 0; pc < program.code.length; pc++) {
    if (!packetSteps.includes(stepNames[program.step[pc]])) continue;
    cycles += work[pc] + (workOnly ? 0 : moved[pc] + polled[pc] + waited[pc] + handedOver[pc]);
  }
  return cycles / connections;
}

for (const design of ['reuseport', 'reuseport-processes', 'reuseport-recent', 'stock-recent'])
  test(`${design}: one core that takes all packets is the limit, RPS lifts it, but not to a queue a core`, () => {
    const spread = run(design, {});
    const one = run(design, { interrupts: 'one-core' });
    const handed = run(design, { interrupts: 'one-core', rps: true });
    const rates = [one, handed, spread].map((each) => each.connectionsPerSecond);
    const said = `${rates} connections/s (seed ${seed})`;
    const clock = machine.clockGHz * 1e9;
    // What one core could do of packets' work, if no line ever moved.
    const most = clock / packetCycles(one, true);
    assert.ok(rates[0] < most && rates[0] > 0.6 * most, `${said}, at most ${most}`);
    // And with all that it really costs, packets fill that core but for its worker's turns.
    const filled = (rates[0] * packetCycles(one, false)) / clock;
    assert.ok(filled > 0.75 && filled < 1.02, `${said}: ${filled} of the core`);
    assert.ok(rates[1] > 1.3 * rates[0], said);
    assert.ok(rates[1] < rates[2], said);
  });

for (const rps of [false, true])
  test(`interrupts on one core, rps ${rps}: connections are conserved, and cycles sum to the whole`, () => {
    const cores = 4;
    const one = run('proxy', { interrupts: 'one-core', rps }, cores);
    const { accounts } = one.engine;
    const open = one.workload.concurrency;
    assert.equal(one.connections, 6_000);
    assert.ok(Math.abs(accounts.transactions - one.connections) <= open, `seed ${seed}`);
    const lines = cycleLines(one);
    const sum = lines.reduce((all, { cyclesPerConnection }) => all + cyclesPerConnection, 0);
    assert.ok(Math.abs(sum / (one.coreCycles / one.connections) - 1) < 1e-9, `seed ${seed}`);
    assert.equal(
      lines.some(({ of }) => of === 'hand on'),
      rps,
    );
  });

test('on a single core it does not matter where the card interrupts, but handing on costs', () => {
  const [spread, one] = [{}, { interrupts: 'one-core' } as const].map((each) => run('stock', each, 1));
  const ratio = one.connectionsPerSecond / spread.connectionsPerSecond;
  assert.ok(Math.abs(ratio - 1) < 0.02, `${ratio} (seed ${seed})`);
  const handed = run('stock', { interrupts: 'one-core', rps: true }, 1);
  assert.ok(handed.connectionsPerSecond < 0.98 * spread.connectionsPerSecond, `seed ${seed}`);
});

test('placed(): packets that are where they belong cannot be handed on, nor in a machine’s file', () => {
  assert.throws(() => placed(machine, { rps: true }), SimulationInputError);
  assert.throws(() => placed(machine, { interrupts: 'spread', rps: true }), /wanted interrupts one-core/);
  const nic = { ...machine.nic, rps: true };
  assert.throws(() => machineOf({ ...machine, nic }, 'test'), MachineError);
  assert.equal(machineOf({ ...machine, nic: { ...nic, interrupts: 'one-core' } }, 'test').nic.rps, true);
});
