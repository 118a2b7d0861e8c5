import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RunHealth } from '../../coordinator/metrics/run-health.ts';
import { planRun } from '../../coordinator/plan/plan.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { aMachine, aScenario } from '../plan/a-machine.ts';

function measuring() {
  let nowMs = 0;
  const health = new RunHealth(() => nowMs);
  const scenario = aScenario();
  const plan = planRun(scenario, aMachine());
  health.see({ kind: 'opened', run: 'r', folder: runFolder('/nowhere'), scenario, plan, committed: [] });
  health.see({ kind: 'progress', progress: { kind: 'phase', phase: 'trials' } });
  return {
    health,
    /** So many seconds pass; Redis answers in each, or does not. */
    pass(seconds: number, redis: boolean) {
      for (let second = 0; second < seconds; second++) {
        nowMs += 1_000;
        const redisRoundTripSeconds = redis ? 0.001 : null;
        health.see({ kind: 'control', redisRoundTripSeconds, reportLagSeconds: null, stalledJobs: 0 });
      }
    },
  };
}

test('a run is well while Redis answers and jobs move', () => {
  const { health, pass } = measuring();
  for (let trial = 0; trial < 10; trial++) {
    pass(60, true);
    assert.equal(health.trouble(), null);
    const attempt = { run: 'r', trial: 'b01-c01', attempt: 1, epoch: 1 };
    health.see({ kind: 'void', attempt, reason: 'lost' });
  }
});

test('a run is not well when Redis has been silent for over 10 s, and is again once it answers', () => {
  const { health, pass } = measuring();
  pass(1, true);
  pass(10, false);
  assert.equal(health.trouble(), null);
  pass(1, false);
  assert.equal(health.trouble(), 'Redis has not answered for 11 s');
  pass(1, true);
  assert.equal(health.trouble(), null);
});

test('a run is not well when no job moves, though Redis answers; before and after the trials nothing has to', () => {
  const { health, pass } = measuring();
  pass(100, true);
  assert.equal(health.trouble(), null);
  pass(1, true);
  assert.equal(health.trouble(), 'no job has moved for 101 s');
  health.see({ kind: 'progress', progress: { kind: 'phase', phase: 'closing' } });
  pass(1_000, false);
  assert.equal(health.trouble(), null);
});
