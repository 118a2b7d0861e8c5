/** Short lists of steps that once broke the stack, or that look as if they could. */

import { test } from 'node:test';
import { Flag } from '../../net/wire/tcp.ts';
import { call, type SegmentStep, type Step, segment, type WaitStep } from './fuzz-steps.ts';
import { runSteps } from './fuzz-world.ts';

const { syn, ack, fin, rst, psh } = Flag;

const opening = segment({ flags: syn, seq: { from: 'fresh', plus: 0 }, options: 'bare syn' });
const established = [opening, segment({})];
const data = (payloadBytes: number, plus = 0): SegmentStep =>
  segment({ flags: ack | psh, payloadBytes, seq: { from: 'next', plus } });
const wait = (us: number): WaitStep => ({ kind: 'wait', us });

const findings: Readonly<Record<string, readonly Step[]>> = {
  'data that is half old, with an impossible ACK, gets one answer in SYN-RECEIVED': [
    opening,
    segment({ seq: { from: 'next', plus: -2 }, ack: { from: 'end', plus: -5_000 }, payloadBytes: 536 }),
  ],
  'a connection that is closed in SYN-RECEIVED tells its application nothing': [
    call('connect'),
    segment({ flow: 2, flags: syn, seq: { from: 'fresh', plus: 0 }, options: 'syn' }),
    call('close'),
    segment({ flow: 2 }),
  ],
  'a FIN before data that came out of order ends the data': [
    opening,
    segment({ seq: { from: 'first', plus: 2 }, payloadBytes: 2 }),
    segment({ flags: ack | fin }),
    call('read', 100),
  ],
  'a reset with data that reaches RCV.NXT from before it is no reset': [
    ...established,
    data(100),
    segment({ flags: rst | ack, seq: { from: 'next', plus: -50 }, payloadBytes: 100 }),
    data(100),
    call('read', 200),
  ],
  'a FIN right behind a window that is full is not lost, and turns no window negative': [
    ...established,
    // Each is acknowledged before the next; the last one is more than there is room for.
    ...Array.from({ length: 5 }, () => [data(1_000), wait(1_000_000)]).flat(),
    segment({ flags: ack | fin }),
    wait(1_000_000),
    call('read', 500),
    wait(1_000_000),
    call('read', 5_000),
    wait(1_000_000),
    segment({ flags: ack | fin }),
  ],
  'a window that shuts while much is written is probed, and opens again': [
    ...established,
    segment({ window: 0 }),
    call('write', 5_000),
    wait(10_000_000),
    segment({ window: 1 }),
    wait(1_000_000),
    segment({ window: 0 }),
    wait(70_000_000),
    segment({ window: 65_535 }),
    wait(1_000_000),
    segment({}),
  ],
  'a window that shrinks under what was sent is not sent into': [
    ...established,
    call('write', 5_000),
    segment({ ack: { from: 'first', plus: 537 }, window: 10 }),
    wait(5_000_000),
    segment({ ack: { from: 'first', plus: 1_000 }, window: 0 }),
    wait(70_000_000),
    segment({ window: 65_535 }),
    wait(1_000_000),
  ],
  'urgent pointers anywhere change nothing': [
    ...established,
    segment({ flags: ack | psh | Flag.urg, urgent: 65_535, payloadBytes: 10 }),
    segment({ flags: ack | Flag.urg, urgent: 0 }),
    call('read', 100),
  ],
  'both close, and every segment of it is lost but the resets': [
    ...established,
    call('write', 600),
    call('close'),
    wait(1_000_000_000),
    segment({ flags: ack | fin }),
  ],
};

for (const [name, steps] of Object.entries(findings)) test(name, () => void runSteps(steps, 1));
