/** What a plan says of the k6 engine, before anything starts. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planRun } from '../../coordinator/plan/plan.ts';
import { aMachine, aScenario } from './a-machine.ts';

const k6 = { engine: 'k6' };
const http = { application: 'http' };

test('planRun() has nothing against k6 over http in a closed loop, in either lab', () => {
  for (const lab of ['loopback', 'namespaces']) {
    const { problems, warnings } = planRun(
      aScenario({ lab, ...http, factors: k6 }),
      aMachine({ cores: [0, 1] }),
    );
    assert.deepEqual([problems, warnings], [[], []], lab);
  }
});

test('planRun() says that an open loop of k6 is not Poisson', () => {
  const { problems, warnings } = planRun(aScenario({ ...http, factors: { ...k6, rate: 300 } }), aMachine());
  assert.deepEqual(problems, []);
  assert.match(warnings.join(), /^By engine "k6" the starts of an open loop are evenly spaced, not Poisson/);
});

const refusals: readonly (readonly [string, Parameters<typeof aScenario>[0], RegExp])[] = [
  [
    'the application echo',
    { factors: k6 },
    /of the application "echo": it speaks http only; wanted application: http/,
  ],
  [
    'a reset',
    { ...http, factors: { ...k6, close: ['client-fin', 'client-rst'] } },
    /close "client-rst": it cannot reset/,
  ],
  [
    'half a second',
    { ...http, factors: k6, warmUpSeconds: 0.2, measuredSeconds: 0.3 },
    /for 0\.5 s a trial: k6 takes no less than 1 s/,
  ],
  [
    'more virtual users than start in time',
    { ...http, factors: { ...k6, concurrency: 10_000 }, agents: { count: 2 } },
    /10,000 connections .*wanted concurrency: 8192 at most with agents\.count: 2, or agents\.count: 3\.$/,
  ],
];
for (const [what, changes, wanted] of refusals)
  test(`planRun() refuses k6 ${what}`, () => {
    const { problems } = planRun(aScenario(changes), aMachine());
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] as string, wanted);
    assert.match(problems[0] as string, /^Cannot (make load|hold .*) by engine "k6"/);
  });

test('planRun() says how to get k6 where it is not, but for a cluster, whose agents have it or not', () => {
  const machine = aMachine({ k6Missing: 'k6 is not on the PATH; wanted it there: install it' });
  const here = planRun(aScenario({ ...http, factors: k6 }), machine);
  assert.deepEqual(here.problems, [
    'Cannot make load by engine "k6": k6 is not on the PATH; wanted it there: install it, or leave it out with --set engine=socket.',
  ]);
  assert.deepEqual(planRun(aScenario({ lab: 'cluster', ...http, factors: k6 }), machine).problems, []);
  assert.equal(planRun(aScenario({ lab: 'cluster', factors: k6 }), machine).problems.length, 1);
  assert.deepEqual(planRun(aScenario(http), machine).problems, []);
});
