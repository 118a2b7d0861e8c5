import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AttemptVoid, Barrier } from '../../coordinator/barrier.ts';
import { quarantineAfter, Screening } from '../../coordinator/screening.ts';
import { type MemberMessage, memberMessageSchema } from '../../protocol/messages.ts';

const attempt = { run: 'r1', trial: 'b01-c01', attempt: 1, epoch: 1_000_001 };

function prepared(fields: object = {}): string {
  return JSON.stringify({
    kind: 'prepared',
    ...attempt,
    sender: 'a1',
    sequence: 1,
    backend: 'epoll',
    ...fields,
  });
}

function screeningOf(...senders: string[]): Screening {
  const screening = new Screening('r1');
  screening.expect({ run: 'r1', epoch: attempt.epoch, senders: new Set(senders) });
  return screening;
}

test('Screening tells refused messages apart by reason', () => {
  const deep = `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`;
  const cases: [string, string | null][] = [
    ['tooLarge', null],
    ['tooLarge', `"${'x'.repeat(70_000)}"`],
    ['malformed', ''],
    ['malformed', 'null'],
    ['malformed', '[]'],
    ['malformed', deep],
    ['malformed', '['.repeat(60_000)],
    ['malformed', prepared({ more: 1 })],
    ['malformed', prepared({ sequence: 1e308 })],
    ['malformed', prepared({ sequence: -1 })],
    ['malformed', prepared({ sequence: null })],
    ['malformed', prepared({ kind: 'shutdown' })],
    ['prototypeKey', prepared().replace('"backend"', '"__proto__":{"x":1},"backend"')],
    ['prototypeKey', prepared({ more: { constructor: { prototype: {} } } })],
    ['otherRun', prepared({ run: 'r2' })],
    ['oldEpoch', prepared({ epoch: 5 })],
    ['oldEpoch', prepared({ epoch: attempt.epoch + 1 })],
    ['unknownSender', prepared({ sender: 'a2' })],
  ];
  for (const [refusal, text] of cases) {
    const screened = screeningOf('a1').screen(text);
    assert.equal('refusal' in screened ? screened.refusal : 'let in', refusal, text?.slice(0, 120) ?? 'null');
  }
});

test('Screening counts the gaps in the numbers of a sender, and refuses what was said before', () => {
  const screening = screeningOf('a1', 'a2');
  const lost = (text: string) => {
    const screened = screening.screen(text);
    return 'message' in screened ? screened.lostBefore : screened.refusal;
  };
  assert.equal(lost(prepared({ sequence: 1 })), 0);
  assert.equal(lost(prepared({ sequence: 4 })), 2);
  assert.equal(lost(prepared({ sequence: 3 })), 'repeated');
  assert.equal(lost(prepared({ sequence: 4 })), 'repeated');
  assert.equal(lost(prepared({ sequence: 1, sender: 'a2' })), 0);
});

test('Screening quarantines a participant after 100 refusals, in this attempt, and no other', () => {
  const screening = screeningOf('a1', 'a2');
  for (let index = 0; index < quarantineAfter; index++) screening.screen(prepared({ sequence: -1 }));
  const after = screening.screen(prepared());
  assert.equal('refusal' in after ? after.refusal : '', 'quarantined');
  assert.ok('message' in screening.screen(prepared({ sender: 'a2' })));
  for (let index = 0; index < quarantineAfter; index++)
    screening.screen(prepared({ sender: 'a2', epoch: 5, sequence: -1 }));
  assert.equal(screening.isQuarantined('a2'), false, 'old epochs are not held against it');
  screening.expect({ run: 'r1', epoch: attempt.epoch, senders: new Set(['a1']) });
  assert.ok('message' in screening.screen(prepared()));
});

function said(fields: object = {}): MemberMessage {
  return memberMessageSchema.parse(JSON.parse(prepared(fields)));
}

test('Barrier opens when all have spoken, in whatever order and before or after the wait begins', async () => {
  const barrier = new Barrier();
  barrier.deliver(said({ sender: 'a2' }));
  const open = barrier.until('prepared', ['a1', 'a2'], 1_000);
  barrier.deliver(said({ sender: 'a1' }));
  assert.deepEqual(
    (await open).map(({ sender }) => sender),
    ['a1', 'a2'],
  );
  assert.equal((await barrier.until('prepared', ['a1'], 1)).length, 1);
});

test('Barrier names who is missing after its deadline, with what of theirs was refused', async () => {
  const barrier = new Barrier();
  barrier.deliver(said({ sender: 'a1' }));
  barrier.noteRefusal('a2', 'malformed, sequence');
  await assert.rejects(barrier.until('prepared', ['a1', 'a2'], 20), {
    message: 'no "prepared" from a2 within 0.02 s (but what was refused: malformed, sequence)',
  });
});

test('Barrier ends every wait with the first reason, those to come as well', async () => {
  const barrier = new Barrier();
  const waits = [barrier.until('ready', ['s1'], 1_000), barrier.until('result', ['s1'], 1_000)];
  barrier.fail(new AttemptVoid('s1 was lost'));
  barrier.fail(new AttemptVoid('later'));
  for (const wait of [...waits, barrier.until('ready', ['s1'], 1_000)]) {
    await assert.rejects(wait, { message: 's1 was lost' });
  }
});
