/** What a server with its own TCP tells of itself, on its way into a record; and the records of those that have none. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assembleTrial } from '../../coordinator/assemble.ts';
import { LatencyHistogram } from '../../measurement/histogram.ts';
import { type ServerResult, serverResultSchema } from '../../protocol/messages.ts';
import { failureCauses, trialRecordSchema, type UserLevelFigures } from '../../protocol/trial-record.ts';
import { sampleTrial } from '../coordinator/sample-trial.ts';

const figures: UserLevelFigures = {
  link: 'af_xdp (native) on srv0',
  framesPerBatch: { mean: 12.5, most: 128 },
  framesSent: { all: 30, together: 20 },
  acceptQueue: { mean: 2.5, most: 64 },
  halfOpen: { mean: 3, most: 64 },
  retransmissions: { handshake: 1, timeout: 2, fast: 3 },
  cookies: { sent: 5, accepted: 4 },
  resets: { sent: 6, received: 7 },
  drops: { badTcpChecksum: 8 },
};

function recordOf(userLevel: UserLevelFigures | null) {
  const none = Object.fromEntries(failureCauses.map((cause) => [cause, 0])) as never;
  const counts = { attempted: 10, completed: 10, failed: none, missed: 0 };
  const empty = new LatencyHistogram().encode();
  const server: ServerResult = {
    measuredSeconds: 1,
    cores: null,
    accepted: 10,
    lifetimeAccepted: 10,
    listenOverflows: 5,
    listenDrops: 0,
    locality: 1,
    cacheMisses: null,
    accept: null,
    userLevel,
    notes: {},
  };
  const { cell } = sampleTrial('b01-c01').record;
  return assembleTrial({
    trial: 'b01-c01',
    block: 1,
    attempt: 1,
    cell: { ...cell, variant: 'user-level' },
    startedAt: '2025-11-21T00:00:00.000Z',
    loads: [
      {
        counts,
        completedMeanwhile: 10,
        lifetime: counts,
        measuredSeconds: 1,
        histograms: { connect: empty, firstByte: empty, total: empty },
        cores: null,
        backend: 'none',
        notes: {},
      },
    ],
    server: serverResultSchema.parse(server),
  }).record;
}

test('assembleTrial() passes on what a server with its own TCP measured', () => {
  const record = recordOf(figures);
  assert.deepEqual(record.server.userLevel, figures);
  assert.equal(record.server.listenOverflows, 5);
  assert.deepEqual(trialRecordSchema.parse(JSON.parse(JSON.stringify(record))), record);
});

test('assembleTrial() gives a reason where such a server could not tell', () => {
  const record = recordOf(null);
  assert.equal(record.server.userLevel, null);
  assert.equal(record.notes['server.userLevel'], 'the server did not report it');
});

test('a record of a kernel variant has no userLevel, and says nothing of it', () => {
  const { record } = sampleTrial('b01-c01');
  assert.equal('userLevel' in record.server, false);
  assert.equal('server.userLevel' in record.notes, false);
  assert.deepEqual(trialRecordSchema.parse(JSON.parse(JSON.stringify(record))), record);
});
