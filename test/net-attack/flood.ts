/** Floods of forged frames: what is sent, how much of it, and what came of it. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type AttackedServer, device } from './attacked-server.ts';

export interface FloodOrder {
  /** `random`: bytes of any kind; `fragments`: of datagrams that are never complete; else segments with these flags. */
  readonly kind: 'syn' | 'fin' | 'rst' | 'ack' | 'random' | 'fragments';
  readonly count: number;
  /** As fast as the device takes them without it. */
  readonly perSecond?: number;
  readonly seed: number;
  readonly device: string;
  /** Of the server. */
  readonly hardware: Uint8Array;
  readonly address: number;
  readonly port: number;
}

export interface Flooded {
  readonly sent: number;
  readonly seconds: number;
}

/** Resolves when all was sent. */
export async function flood(
  attacked: AttackedServer,
  order: Pick<FloodOrder, 'kind' | 'count' | 'perSecond' | 'seed'>,
): Promise<Flooded> {
  const all: FloodOrder = {
    ...order,
    device,
    hardware: attacked.hardware,
    address: attacked.address.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0),
    port: attacked.port,
  };
  const thread = new Worker(new URL('./flood-thread.js', import.meta.url), { workerData: all });
  const exited = once(thread, 'exit');
  const [flooded] = (await once(thread, 'message')) as [Flooded];
  await exited;
  return flooded;
}
