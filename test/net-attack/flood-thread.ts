/**
 * A thread that floods: puts forged frames on a device of its creator's namespace as fast as the device takes them, or at
 * a rate, and says how many it sent. The addresses they are from are nobody's.
 */

import { parentPort, workerData } from 'node:worker_threads';
import { openAfPacket } from '../../linux/af-packet.ts';
import { seededRandom } from '../../measurement/random.ts';
import { ethernetHeaderBytes } from '../../net/wire/ethernet.ts';
import { emitIpv4, ipv4HeaderBytes, ipv4View, Protocol } from '../../net/wire/ipv4.ts';
import { Flag } from '../../net/wire/tcp.ts';
import { RawPeer } from '../net-simulation/raw-peer.ts';
import type { FloodOrder } from './flood.ts';

const order = workerData as FloodOrder;
const random = seededRandom(order.seed, order.kind);
const word = (): number => random() * 2 ** 32;
const noAddress = 0xc612_ff01; // 198.18.255.1
const link = openAfPacket({
  devices: [order.device],
  // Nothing is read here.
  match: { local: { address: noAddress, bits: 32 }, tcp: { role: 'client', port: order.port } },
  threads: 1,
});
const peer = new RawPeer(link, order.hardware);
const view = new DataView(link.memory.buffer);
const burst = 64;
const flagsOf = { syn: Flag.syn, fin: Flag.fin | Flag.ack, rst: Flag.rst, ack: Flag.ack } as const;
/** A segment size of 1460. */
const synOptions = Uint8Array.of(2, 4, 5, 180);
const noOptions = new Uint8Array(0);

const ip = ipv4View();
/** Of the frame that is written. */
let frameAt = 0;

const startedMs = performance.now();
let sent = 0;
while (sent < order.count) {
  if (order.perSecond !== undefined) {
    const early = sent / order.perSecond - (performance.now() - startedMs) / 1000;
    if (early > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, early * 1000 + 1);
  }
  for (let index = 0; index < burst && sent < order.count; index++, sent++) sendOne();
  link.flush(0);
}
const seconds = (performance.now() - startedMs) / 1000;
const { transmitted, overflows } = link.counters;
link.close();
parentPort?.postMessage({ sent: transmitted, overflows, seconds });

function sendOne(): void {
  switch (order.kind) {
    case 'random':
      sendRandom();
      return;
    case 'fragments':
      sendFragment();
      return;
    default:
      peer.send({
        // 198.18.0.0/15 but for the net of the device, where real neighbours would be asked for.
        source: 0xc613_0000 + 1 + Math.floor(random() * 65_000),
        destination: order.address,
        sourcePort: 1 + Math.floor(random() * 65_535),
        destinationPort: order.port,
        seq: word(),
        ack: order.kind === 'syn' ? 0 : word(),
        flags: flagsOf[order.kind],
        window: Math.floor(random() * 65_536),
        options: order.kind === 'syn' ? synOptions : noOptions,
      });
  }
}

/** Bytes of any kind where a TCP segment should be; every second one has the right port, every fourth a true checksum. */
function sendRandom(): void {
  if (random() < 0.25) {
    const options = new Uint8Array(Math.floor(random() * 10) * 4).map(() => random() * 256);
    peer.send({
      source: 0xc613_0000 + 1 + Math.floor(random() * 65_000),
      destination: order.address,
      sourcePort: Math.floor(random() * 65_536),
      destinationPort: order.port,
      seq: word(),
      ack: word(),
      flags: Math.floor(random() * 256),
      window: Math.floor(random() * 65_536),
      urgent: Math.floor(random() * 65_536),
      options,
      payload: new Uint8Array(Math.floor(random() * 200)).map(() => random() * 256),
    });
    return;
  }
  const length = Math.floor(random() * 120);
  const at = header(length);
  for (let byte = 0; byte < length; byte++) link.memory[at + byte] = random() * 256;
  if (length >= 4 && random() < 0.66) view.setUint16(at + 2, order.port);
  link.transmit(frameAt, at - frameAt + length);
}

/** Ethernet and IPv4 of a frame to come. @returns where what IP carries begins. */
function header(length: number): number {
  const at = link.allocate();
  if (at < 0) throw new Error('Cannot flood: no frame is free');
  frameAt = at;
  link.memory.set(order.hardware, at);
  link.memory.set(link.hardwareAddress, at + 6);
  view.setUint16(at + 12, 0x0800);
  ip.source = (0xc613_0000 + 1 + Math.floor(random() * 65_000)) | 0;
  ip.destination = order.address | 0;
  ip.protocol = Protocol.tcp;
  ip.payloadLength = length;
  emitIpv4(view, at + ethernetHeaderBytes, ip);
  return at + ethernetHeaderBytes + ipv4HeaderBytes;
}

/** Of datagrams that are never complete: last parts before first ones, parts that overlap, parts beyond 64 KiB. */
function sendFragment(): void {
  const length = 8 * (1 + Math.floor(random() * 100));
  const at = header(length);
  for (let byte = 0; byte < length; byte++) link.memory[at + byte] = random() * 256;
  view.setUint16(at, 999);
  view.setUint16(at + 2, order.port);
  const ipAt = at - ipv4HeaderBytes;
  const turn = sent % 4;
  const offset = turn === 0 ? 100 : turn === 1 ? 50 : turn === 2 ? 0 : 8_191;
  const moreFollow = turn === 0 ? 0 : 0x2000;
  const fields = [Math.floor(sent / 4) & 0xffff, moreFollow | offset] as const;
  let sum = ~view.getUint16(ipAt + 10) & 0xffff;
  for (const [index, value] of fields.entries()) {
    const fieldAt = ipAt + 4 + index * 2;
    // RFC 1624: the checksum, with one word changed.
    sum += (~view.getUint16(fieldAt) & 0xffff) + value;
    view.setUint16(fieldAt, value);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(ipAt + 10, ~sum & 0xffff);
  link.transmit(frameAt, at - frameAt + length);
}
