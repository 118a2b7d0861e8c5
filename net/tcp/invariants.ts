/**
 * What always holds between turns, whatever came: the order of the sequence numbers of a connection (RFC 9293 3.3.1, 3.4),
 * a timer for whatever waits, and books that agree: of buffers, flows, lists, timers and backlogs with the connections
 * that they are of. It looks at everything and changes nothing; simulations ask it, nothing hot does.
 */

import { after, before } from '../wire/sequence.ts';
import { LARGE, SMALL } from './buffer-pool.ts';
import type { Core } from './core.ts';
import { Hot, hotOf, lineOf, Peer, Rare } from './layout.ts';
import { Is, State, stateNames } from './states.ts';
import { unread } from './text.ts';
import { ACK, CONTROL, DATA } from './transmit-lists.ts';

/** @returns what does not hold, of which connection; empty: all does. */
export function faultIn(core: Core): string {
  for (let id = 0; id < core.connections.capacity; id++) {
    const state = core.hot[hotOf(id) + Hot.STATE]!;
    if (state === State.closed) continue;
    const fault = faultOf(core, id, hotOf(id), state);
    if (fault !== '') return `connection ${id}, ${stateNames[state]}: ${fault}`;
  }
  return faultOfBooks(core);
}

function faultOf(core: Core, id: number, at: number, state: number): string {
  const faults = [
    sendingFault(core, at, state),
    scoreboardFault(core, id, at),
    receivingFault(core, id, at, state),
    timerFault(core, id, at, state),
    foundFault(core, id),
  ];
  return faults.find((fault) => fault !== '') ?? '';
}

/** SND.UNA ≤ SND.NXT ≤ what was ever sent ≤ what was written, and a FIN behind that. */
function sendingFault(core: Core, at: number, state: number): string {
  const { hot } = core;
  const una = hot[at + Hot.SND_UNA]!;
  const nxt = hot[at + Hot.SND_NXT]!;
  const max = hot[at + Hot.SND_MAX]!;
  const end = hot[at + Hot.SND_END]!;
  const fin = (hot[at + Hot.FLAGS]! & Is.ending) === 0 ? 0 : 1;
  if (after(una, nxt)) return `SND.UNA ${una >>> 0} is behind SND.NXT ${nxt >>> 0}`;
  if (after(nxt, max)) return `SND.NXT ${nxt >>> 0} is behind all that was sent, ${max >>> 0}`;
  if (after(max, (end + fin) | 0)) return `${max >>> 0} was sent, and ${end >>> 0} is the end`;
  if (((end - una) | 0) > core.buffers.largeBytes + 1) return `${end - una} bytes wait in a send ring`;
  if (hot[at + Hot.SND_WND]! < 0) return `SND.WND is ${hot[at + Hot.SND_WND]}`;
  const mss = hot[at + Hot.SND_MSS]!;
  if (state >= State.established && (mss < 1 || mss > core.ownMss)) return `segments of ${mss} bytes`;
  return '';
}

/** What the peer is said to have out of order lies between SND.UNA and what was ever sent. */
function scoreboardFault(core: Core, id: number, at: number): string {
  const { hot, scoreboard } = core;
  let last = hot[at + Hot.SND_UNA]!;
  for (let range = 0; range < scoreboard.count(id); range++) {
    const from = scoreboard.from(id, range);
    const to = scoreboard.to(id, range);
    if (!after(from, last) || !after(to, from) || after(to, hot[at + Hot.SND_MAX]!))
      return `the peer has ${from >>> 0}–${to >>> 0}, behind ${last >>> 0}`;
    last = to;
  }
  return '';
}

/** What was read ≤ RCV.NXT ≤ the right edge of the window, and ranges out of order between the two. */
function receivingFault(core: Core, id: number, at: number, state: number): string {
  if (state === State.synSent) return '';
  const { hot, reassembly } = core;
  const nxt = hot[at + Hot.RCV_NXT]!;
  const edge = hot[at + Hot.RCV_EDGE]!;
  const is = hot[at + Hot.FLAGS]!;
  const waiting = unread(core, at);
  if (waiting < 0 || waiting > core.buffers.largeBytes) return `${waiting} bytes unread`;
  // A FIN may stand right behind the window.
  if (after(nxt, edge + ((is & Is.ended) === 0 ? 0 : 1)))
    return `RCV.NXT ${nxt >>> 0} is beyond ${edge >>> 0}`;
  if (((edge - nxt) | 0) > core.receiveSpace + (1 << core.receiveScale))
    return `a window of ${edge - nxt} bytes`;
  const ranges = reassembly.count(id);
  if (ranges > 0 !== ((is & Is.gapped) !== 0))
    return `${ranges} ranges out of order, and a flag that differs`;
  let last = nxt;
  for (let range = 0; range < ranges; range++) {
    const from = reassembly.from(id, range);
    const to = reassembly.to(id, range);
    if (!after(from, last) || !after(to, from) || after(to, edge))
      return `a range ${from >>> 0}–${to >>> 0} out of order, behind ${last >>> 0} and before ${edge >>> 0}`;
    last = to;
  }
  return '';
}

/** Nothing waits for ever: a timer runs, or a list has it. */
function timerFault(core: Core, id: number, at: number, state: number): string {
  const { hot, lists } = core;
  const is = hot[at + Hot.FLAGS]!;
  if (core.timeWait.has(id) !== (state === State.timeWait)) return 'its TIME-WAIT timer is not as its state';
  if (core.delayedAck.has(id) !== ((is & Is.ackTimed) !== 0)) return 'its delayed ACK is not as its flag';
  if (core.keepAlive.has(id) !== ((is & Is.keptAlive) !== 0)) return 'its keep-alive is not as its flag';
  if (core.finWait.has(id) && (is & Is.detached) === 0) return 'a FIN-WAIT-2 timer, and it is not closed';
  const dueMs = hot[at + Hot.DUE_MS]!;
  const entryMs = core.rare[lineOf(id) + Rare.ENTRY_MS]!;
  if (dueMs !== 0 && (entryMs < 0 || entryMs > dueMs))
    return `due at ${dueMs} ms, and looked at at ${entryMs}`;
  if (entryMs >= 0 && !core.retransmission.has(id)) return 'an entry of its timer that is not there';
  if (state === State.timeWait) return '';
  const isListed = lists.has(CONTROL, id) || lists.has(ACK, id) || lists.has(DATA, id);
  const fin = (is & Is.ending) === 0 ? 0 : 1;
  const hasWork = before(hot[at + Hot.SND_UNA]!, (hot[at + Hot.SND_END]! + fin) | 0);
  if (hasWork && dueMs === 0 && !isListed)
    return 'something is to be sent or acknowledged, and nothing is due';
  if (state === State.finWait2 && (is & Is.detached) !== 0 && !core.finWait.has(id))
    return 'it is closed and waits for a FIN without end';
  return '';
}

function foundFault(core: Core, id: number): string {
  const line = lineOf(id);
  const { peer } = core;
  const ports = peer[line + Peer.PORTS]!;
  const found = core.flows.find(
    peer[line + Peer.LOCAL]!,
    ports >>> 16,
    peer[line + Peer.REMOTE]!,
    ports & 0xffff,
  );
  return found === id ? '' : `its flow leads to ${found}`;
}

/** What all connections have together is what is in use. */
function faultOfBooks(core: Core): string {
  const { hot, peer, buffers } = core;
  const used = new Set<number>();
  const waiting = new Map<number, number>();
  let bufferCount = 0;
  for (let id = 0; id < core.connections.capacity; id++) {
    const line = lineOf(id);
    const at = hotOf(id);
    // An id that was never used.
    if (peer[line + Peer.REMOTE] === 0) continue;
    const state = hot[at + Hot.STATE]!;
    const held = state === State.closed ? [] : [peer[line + Peer.SEND_BUFFER]!];
    for (const offset of [...held, peer[line + Peer.RECEIVE_BUFFER]!]) {
      if (offset < 0) continue;
      bufferCount++;
      used.add(offset);
    }
    if (state === State.closed || (hot[at + Hot.FLAGS]! & Is.queued) === 0) continue;
    const port = peer[line + Peer.PORTS]! >>> 16;
    waiting.set(port, (waiting.get(port) ?? 0) + 1);
  }
  if (used.size !== bufferCount) return 'two connections have the same buffer';
  const inUse = buffers.inUse(SMALL) + buffers.inUse(LARGE);
  if (inUse !== bufferCount) return `${inUse} buffers are in use, and connections have ${bufferCount}`;
  for (const [port, count] of waiting)
    if (core.waiting[port] !== count)
      return `${core.waiting[port]} wait for port ${port}, and there are ${count}`;
  return '';
}
