/**
 * The process of one server under test, for one trial: entry of the child that launch.ts starts. Its main thread never
 * touches a connection; it starts the variant, reads counters when told, and answers its launcher. It ends on SIGTERM,
 * and when its launcher is gone.
 */

import { readFileSync } from 'node:fs';
import { dieWithParent, enterNetworkNamespace } from '../linux/thread.ts';
import { badInput, ExitStatus, Failure, messageOf } from '../protocol/failure.ts';
import { parseVariant } from '../protocol/variant-catalogue.ts';
import { Observer } from './observer.ts';
import { type ChildMessage, launcherMessageSchema, type ParsedSpec } from './process-messages.ts';
import { variants } from './variants/index.ts';
import type { StartedVariant } from './variants/variant.ts';

const SIGKILL = 9;
const reportMs = 200;
/** A server that has been told to end is gone after this, whatever it is doing. */
const endMs = 900;

dieWithParent(SIGKILL);
// The launcher may have died before the kernel knew whom to tell.
process.on('disconnect', () => process.exit(0));

let running: { readonly variant: StartedVariant; readonly observer: Observer } | null = null;
let ending = false;

process.on('message', (raw: unknown) => {
  const message = launcherMessageSchema.parse(raw);
  switch (message.kind) {
    case 'spec':
      start(message.spec).catch(fail);
      break;
    case 'begin':
      running?.variant.beginMeasuring();
      running?.observer.begin();
      break;
    case 'end':
      running?.variant.endMeasuring();
      running?.observer.end();
      break;
    case 'finish':
      finish().catch(fail);
      break;
  }
});
process.on('SIGTERM', () => {
  finish().catch(fail);
});
// Ctrl-C at a terminal is the launcher's to handle.
process.on('SIGINT', () => {});

async function start(spec: ParsedSpec): Promise<void> {
  const parsed = parseVariant(spec.variant);
  if (parsed === null) throw badInput(`Cannot start a server: no such variant "${spec.variant}"`);
  checkCores(spec.cores);
  if (spec.namespace !== null) enterNetworkNamespace(spec.namespace);
  const variant = await variants[parsed.design].start({
    spec: { ...spec, idleMs: spec.idleMs ?? null, traceAccepts: spec.traceAccepts ?? true },
    option: parsed.option,
  });
  running = { variant, observer: new Observer(spec.cores) };
  variant.failed.then(fail, fail);
  say({ kind: 'ready', port: variant.port, notes: variant.notes, accepted: copyOf(variant.accepted()) });
  setInterval(() => sayAccepted(variant), reportMs);
}

/** Tells the result and exits. A second call, or a call before anything runs, just exits. */
async function finish(): Promise<void> {
  if (running === null) process.exit(0);
  if (ending) return;
  ending = true;
  setTimeout(() => process.kill(process.pid, SIGKILL), endMs).unref();
  const { variant, observer } = running;
  sayAccepted(variant);
  observer.endIfOpen();
  const result = observer.result(await variant.stop());
  const exit = (): void => process.exit(0);
  if (process.connected) process.send?.({ kind: 'result', result } satisfies ChildMessage, exit);
  else exit();
}

/** Says why, on both channels, and exits: stderr is there when the launcher only sees how the process ended. */
function fail(reason: unknown): void {
  if (ending) return;
  ending = true;
  const message = messageOf(reason);
  const exitStatus = reason instanceof Failure ? reason.exitStatus : ExitStatus.runIncomplete;
  process.stderr.write(`${message}\n`, () => {
    const exit = (): void => process.exit(1);
    if (process.connected)
      process.send?.({ kind: 'failed', message, exitStatus } satisfies ChildMessage, exit);
    else exit();
  });
}

function sayAccepted(variant: StartedVariant): void {
  const counts = copyOf(variant.accepted());
  if (counts !== null) say({ kind: 'accepted', counts });
}

function say(message: ChildMessage): void {
  if (process.connected) process.send?.(message);
}

function copyOf(counts: readonly number[] | null): number[] | null {
  return counts === null ? null : [...counts];
}

/** @throws {Failure} when a core is not there. */
function checkCores(cores: readonly number[]): void {
  const online = readFileSync('/sys/devices/system/cpu/online', 'latin1').trim();
  const there = new Set(
    online.split(',').flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: last - first + 1 }, (_empty, index) => first + index);
    }),
  );
  const missing = cores.filter((core) => !there.has(core));
  if (missing.length > 0)
    throw badInput(
      `Cannot start a server on core ${missing.join(', ')}: this machine has cores ${online}; wanted some of those`,
    );
}
