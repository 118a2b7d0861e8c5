/** SYN-SENT (RFC 9293 3.10.7.3): the answer to our SYN; or the peer's own SYN, when both open at once. */

import { after, atOrBefore } from '../wire/sequence.ts';
import { Flag } from '../wire/tcp.ts';
import { parseOptions } from '../wire/tcp-options.ts';
import { establish, takeSyn } from './begin.ts';
import { refuse } from './challenge.ts';
import { fail } from './close.ts';
import type { Core } from './core.ts';
import { CONNECTED } from './events.ts';
import { Hot, lineOf, Peer, Recovery } from './layout.ts';
import { onTimedAck } from './round-trip.ts';
import { wantsSyn, wantsToAck, wantsToSend } from './send.ts';
import { State } from './states.ts';

const { STATE, SND_MAX } = Hot;
const { ISS } = Peer;
const { ROUND_TRIP } = Recovery;
const { synReceived } = State;
const { ack: ACK, rst: RST, syn: SYN } = Flag;

const ECONNREFUSED = 111;

export function inSynSent(core: Core, id: number, at: number): void {
  const { hot } = core;
  const { segment } = core;
  const { flags, ack } = segment;
  const hasAck = (flags & ACK) !== 0;
  if (hasAck && (atOrBefore(ack, core.peer[lineOf(id) + ISS]) || after(ack, hot[at + SND_MAX]))) {
    core.counters.drops.outOfWindow++;
    refuse(core);
    return;
  }
  if ((flags & RST) !== 0) {
    // Only one that acknowledges our SYN is from the peer (RFC 5961 3.2 leaves this as it was).
    if (hasAck) {
      core.counters.resetsReceived++;
      fail(core, id, at, ECONNREFUSED);
    } else core.counters.drops.noConnection++;
    return;
  }
  if ((flags & SYN) === 0) {
    core.counters.drops.badSyn++;
    return;
  }
  parseOptions(core.memory, segment.optionsAt, segment.payloadAt, core.options);
  takeSyn(core, id, at);
  if (!hasAck) {
    hot[at + STATE] = synReceived;
    wantsSyn(core, id);
    return;
  }
  onTimedAck(core.recovery, lineOf(id) + ROUND_TRIP, ack, core.clockUs, core.roundTripLimits);
  establish(core, id, at, segment.window);
  core.counters.connected++;
  core.events.raise(id, CONNECTED);
  wantsToAck(core, id);
  wantsToSend(core, id);
}
