/**
 * The steps of a fuzzed run, as data: segments whose fields are said relative to what the stack expects, calls of the
 * application, and time. So any list of steps can be run, cut, joined and shortened.
 */

import { Flag } from '../../net/wire/tcp.ts';
import type { Draw } from './draw.ts';

/** Between which ports: the last two are one that the stack opens itself, and one that nobody listens on. */
export const flows = [
  { localPort: 80, peerPort: 10_000 },
  { localPort: 80, peerPort: 10_001 },
  { localPort: 5_000, peerPort: 7_000 },
  { localPort: 81, peerPort: 10_002 },
] as const;
export const openedFlow = 2;

/** Where a sequence number is counted from: RCV.NXT of the stack, the right edge of its window, our first one, … */
const seqPlaces = ['next', 'edge', 'first', 'fresh', 'random'] as const;
/** … and an acknowledgement: behind all that the stack sent, what we last acknowledged, its first one, … */
const ackPlaces = ['end', 'last', 'first', 'random'] as const;
const optionKinds = [
  'usual',
  'none',
  'old stamp',
  'syn',
  'bare syn',
  'odd syn',
  'broken',
  'unknown',
  'sack',
  'odd sack',
] as const;
const damages = ['checksum', 'data offset', 'IP length'] as const;
const calls = [
  'read',
  'write',
  'shutdown',
  'close',
  'abort',
  'connect',
  'listen',
  'unlisten',
  'nagle',
] as const;

export interface SegmentStep {
  readonly kind: 'segment';
  readonly flow: number;
  readonly flags: number;
  readonly seq: { readonly from: (typeof seqPlaces)[number]; readonly plus: number };
  readonly ack: { readonly from: (typeof ackPlaces)[number]; readonly plus: number };
  readonly payloadBytes: number;
  readonly window: number;
  readonly urgent: number;
  readonly options: (typeof optionKinds)[number];
  readonly damage: (typeof damages)[number] | null;
}

export interface CallStep {
  readonly kind: 'call';
  readonly call: (typeof calls)[number];
  /** Of the connections that the application has, which. */
  readonly which: number;
  readonly bytes: number;
}

export interface WaitStep {
  readonly kind: 'wait';
  readonly us: number;
}

export type Step = SegmentStep | CallStep | WaitStep;

/** A step, mostly one that gets a connection further. @param flow that most segments are of. */
export function randomStep(draw: Draw, flow: number): Step {
  const kind = draw.fraction();
  if (kind < 0.7) return randomSegment(draw, draw.chance(0.9) ? flow : draw.upTo(flows.length));
  if (kind < 0.92) return randomCall(draw, flow);
  return { kind: 'wait', us: draw.oneOf([0, 1, 1_000, 41_000, 250_000, 1_100_000, 7e6, 61e6, 1e9]) };
}

/** Something is dropped, changed, put in between, or taken from another run. */
export function mutated(draw: Draw, steps: readonly Step[], other: readonly Step[], flow: number): Step[] {
  const at = draw.upTo(steps.length + 1);
  const more = Array.from({ length: 1 + draw.upTo(4) }, () => randomStep(draw, flow));
  switch (draw.upTo(5)) {
    case 0:
      return [...steps.slice(0, at), ...more];
    case 1:
      return [...steps.slice(0, at), ...more, ...steps.slice(at)];
    case 2:
      return [...steps.slice(0, at), ...steps.slice(at + 1 + draw.upTo(3))];
    case 3:
      return [...steps.slice(0, at), ...other.slice(draw.upTo(other.length + 1))];
    default:
      return steps.map((step, index) => (index === at ? tweaked(draw, step, flow) : step));
  }
}

/** The same failure in fewer steps, if it is still there without some of them. */
export function shortened(steps: readonly Step[], fails: (steps: readonly Step[]) => boolean): Step[] {
  let shortest = [...steps];
  for (let chunk = shortest.length >> 1; chunk >= 1; chunk >>= 1) {
    for (let at = 0; at < shortest.length; ) {
      const without = [...shortest.slice(0, at), ...shortest.slice(at + chunk)];
      if (fails(without)) shortest = without;
      else at += chunk;
    }
  }
  return shortest;
}

/** An ACK of all that came, at the right place, but for what is said otherwise. */
export function segment(changes: Partial<SegmentStep>): SegmentStep {
  return {
    kind: 'segment',
    flow: 1,
    flags: Flag.ack,
    seq: { from: 'next', plus: 0 },
    ack: { from: 'end', plus: 0 },
    payloadBytes: 0,
    window: 65_535,
    urgent: 0,
    options: 'usual',
    damage: null,
    ...changes,
  };
}

export function call(name: CallStep['call'], bytes = 0): CallStep {
  return { kind: 'call', call: name, which: 0, bytes };
}

/** Ways into each state, to begin from: inbound, opened by the stack, opened by both; and into a loss. */
export const beginnings: readonly (readonly Step[])[] = waysIn();

function waysIn(): Step[][] {
  const { syn, ack, fin } = Flag;
  const first = { seq: { from: 'fresh', plus: 0 }, options: 'syn' } as const;
  const near = { flow: openedFlow };
  const inbound = [segment({ flags: syn, ...first }), segment({})];
  const opened = [call('connect'), segment({ ...near, flags: syn | ack, ...first })];
  const bothOpen = [call('connect'), segment({ ...near, flags: syn, ...first })];
  const closing = (flow: number): Step[] => [
    call('write', 600),
    call('shutdown'),
    segment({ flow, flags: ack | fin, ack: { from: 'last', plus: 0 } }),
  ];
  const closedByPeer = (flow: number): Step[] => [segment({ flow, flags: ack | fin }), call('shutdown')];
  return [
    [],
    inbound,
    opened,
    bothOpen,
    ...[inbound, opened].map((open) => [...open, call('write', 5_000)]),
    ...[0, 1, 2].map((losses) => [
      ...inbound,
      call('write', 5_000),
      ...Array.from({ length: losses }, () => lossOf(1)),
    ]),
    ...[inbound, opened].flatMap((open, index) => {
      const flow = index === 0 ? 1 : openedFlow;
      return [
        [...open, ...closing(flow)],
        [...open, ...closedByPeer(flow)],
        [...open, call('shutdown'), segment({ flow }), segment({ flow, flags: ack | fin })],
      ];
    }),
  ];
}

/** The peer has some of what came behind the first segment. */
function lossOf(flow: number): SegmentStep {
  return segment({ flow, ack: { from: 'first', plus: 1 }, options: 'sack' });
}

function randomSegment(draw: Draw, flow: number): SegmentStep {
  const { syn, ack, fin, rst, psh } = Flag;
  const answer = flow === openedFlow ? syn | ack : syn;
  const usual = segment({ flow, window: draw.oneOf([65_535, 65_535, 4_000, 500]) });
  const opening: SegmentStep = {
    ...usual,
    flags: answer,
    seq: { from: 'fresh', plus: 0 },
    options: draw.oneOf(['syn', 'syn', 'bare syn', 'odd syn']),
  };
  const polite: readonly (() => SegmentStep)[] = [
    () => opening,
    () => usual,
    () => ({ ...usual, flags: ack | psh, payloadBytes: draw.oneOf([1, 100, 536, 1_000]) }),
    () => ({ ...usual, flags: ack | fin, payloadBytes: draw.oneOf([0, 0, 100]) }),
    () => ({ ...usual, flags: rst | draw.oneOf([0, ack]) }),
    () => ({
      ...usual,
      ack: { from: draw.oneOf(['first', 'last']), plus: draw.oneOf([0, 1, 537]) },
      options: 'sack',
    }),
  ];
  const weights = [0, 0, 1, 1, 1, 2, 2, 2, 3, 4, 5, 5];
  let step = polite[draw.oneOf(weights)]!();
  while (draw.chance(0.4)) step = tweakedSegment(draw, step);
  return step;
}

function randomCall(draw: Draw, flow: number): CallStep {
  const call = flow === openedFlow && draw.chance(0.4) ? 'connect' : draw.oneOf(calls);
  const isCalm = (call === 'abort' || call === 'unlisten') && draw.chance(0.7);
  return {
    kind: 'call',
    call: isCalm ? 'read' : call,
    which: draw.upTo(4),
    bytes: draw.oneOf([1, 100, 600, 5_000]),
  };
}

function tweaked(draw: Draw, step: Step, flow: number): Step {
  return step.kind === 'segment' ? tweakedSegment(draw, step) : randomStep(draw, flow);
}

/** One field is another. */
function tweakedSegment(draw: Draw, step: SegmentStep): SegmentStep {
  const plus = draw.oneOf([0, 1, -1, 2, -2, 10, -10, 536, -536, 5_000, -5_000, 0x7fff_ffff, -0x8000_0000]);
  switch (draw.upTo(9)) {
    case 0:
      return { ...step, flags: draw.upTo(64) };
    case 1:
      return { ...step, flags: step.flags ^ (1 << draw.upTo(6)) };
    case 2:
      return { ...step, seq: { from: draw.oneOf(seqPlaces), plus } };
    case 3:
      return { ...step, ack: { from: draw.oneOf(ackPlaces), plus } };
    case 4:
      return { ...step, payloadBytes: draw.oneOf([0, 1, 2, 100, 536, 1_000, 1_400]) };
    case 5:
      return { ...step, window: draw.oneOf([0, 0, 1, 10, 1_000, 65_535]) };
    case 6:
      return { ...step, options: draw.oneOf(optionKinds) };
    case 7:
      return { ...step, urgent: draw.upTo(65_536), flags: step.flags | Flag.urg };
    default:
      return { ...step, damage: draw.oneOf(damages) };
  }
}
