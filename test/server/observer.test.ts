/** What is read of a server from outside at the two marks: of this process's own cores, by the kernel's own counters. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cpuClock } from '../../linux/perf-counters.ts';
import { Observer } from '../../server-under-test/observer.ts';
import type { VariantResult } from '../../server-under-test/variants/variant.ts';

const design: VariantResult = {
  accepted: null,
  acceptedByCore: null,
  lifetimeAccepted: null,
  locality: null,
  accept: null,
  notes: {},
};

function waitMs(length: number): void {
  const untilMs = performance.now() + length;
  while (performance.now() < untilMs);
}

const whyNot = new Observer([0], cpuClock).result(design).notes['server.cacheMissesPerConnection'];

test('the event of its cores is counted between the marks only', { skip: whyNot ?? false }, () => {
  const observer = new Observer([0], cpuClock);
  waitMs(300);
  observer.begin();
  waitMs(600);
  observer.end();
  waitMs(300);
  const { cacheMisses, measuredSeconds } = observer.result(design);
  const ratio = (cacheMisses as number) / 1e9 / measuredSeconds;
  assert.ok(ratio > 0.9 && ratio < 1.1, `${cacheMisses} ns counted in ${measuredSeconds} s`);
});

test('what cannot be counted is null, and says why', () => {
  for (const [event, reason] of [
    ['this maker’s event is not known', 'not measured: this maker’s event is not known'],
    [{ name: 'nothing', type: 0, config: 99 }, 'not measured: Cannot count nothing on core 0: '],
  ] as const) {
    const { cacheMisses, notes } = new Observer([0], event).result(design);
    assert.equal(cacheMisses, null);
    assert.ok(
      notes['server.cacheMissesPerConnection'].startsWith(reason),
      notes['server.cacheMissesPerConnection'],
    );
  }
});
