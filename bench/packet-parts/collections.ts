/**
 * How often V8 collected garbage while packets flew: in the process that floods and in that of the server, each under
 * --trace-gc, over the same steady seconds.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadOrder } from '../../agent/load.ts';
import { collectorFlags } from '../../net/engine-flags.ts';
import type { ServerSpec } from '../../server-under-test/launch.ts';
import { childMessageSchema } from '../../server-under-test/process-messages.ts';
import type { FloodProcessResult } from './flood-process.ts';

export interface Collections {
  readonly load: number;
  readonly server: number;
  readonly flood: FloodProcessResult;
}

/** @param orderFor the flood of a server that has this port. */
export async function collections(
  spec: ServerSpec,
  orderFor: (port: number) => LoadOrder,
): Promise<Collections> {
  const server = traced('../../server-under-test/process.js', []);
  try {
    const port = await portOf(server.child, spec);
    const order = orderFor(port);
    const beganMs = performance.now() - server.startedMs;
    const load = traced('./flood-process.js', [JSON.stringify(order)]);
    const text = await load.ended;
    const said = text.split('\n').find((line) => line.startsWith('{')) ?? '';
    const flood = JSON.parse(said) as FloodProcessResult;
    server.child.kill('SIGTERM');
    const secondsMs = order.measuredSeconds * 1000;
    const serverFromMs = beganMs + flood.measuredFromMs;
    return {
      load: collectionsIn(text, flood.measuredFromMs, flood.measuredFromMs + secondsMs),
      server: collectionsIn(await server.ended, serverFromMs, serverFromMs + secondsMs),
      flood,
    };
  } finally {
    server.child.kill('SIGKILL');
  }
}

interface Traced {
  readonly child: ChildProcess;
  readonly startedMs: number;
  /** All that it printed. */
  readonly ended: Promise<string>;
}

function traced(program: string, parameters: readonly string[]): Traced {
  const startedMs = performance.now();
  const path = fileURLToPath(new URL(program, import.meta.url));
  const child = spawn(process.execPath, ['--trace-gc', ...collectorFlags, path, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return { child, startedMs, ended: once(child, 'close').then(() => text) };
}

async function portOf(server: ChildProcess, spec: ServerSpec): Promise<number> {
  server.send({ kind: 'spec', spec });
  for (;;) {
    const [raw] = (await once(server, 'message')) as [unknown];
    const message = childMessageSchema.parse(raw);
    if (message.kind === 'ready') return message.port;
    if (message.kind === 'failed') throw new Error(message.message);
  }
}

/** Lines of --trace-gc: "[pid:isolate]  1234 ms: Scavenge …". The time is since the isolate's start. */
function collectionsIn(text: string, fromMs: number, untilMs: number): number {
  return [...text.matchAll(/^\[\d+:0x[0-9a-f]+\]\s+(\d+) ms: (?:Scavenge|Mark-Compact)/gm)].filter(
    ([, at]) => Number(at) >= fromMs && Number(at) < untilMs,
  ).length;
}
