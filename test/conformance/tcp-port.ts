/**
 * The conformance port: one stack with one listening port on a link, and an application that does what it is told, a line
 * at a time (commands.ts). For suites that know TCP and not this program: they speak TCP to one end and lines to the other.
 *
 * Says one line when it is ready; ends with 0 on SIGTERM, 2 when it was started wrongly, 1 when its device is gone.
 */

import { randomBytes } from 'node:crypto';
import { openLink } from '../../linux/open-link.ts';
import { kernelLinkAround } from '../../net/links/link-around.ts';
import { traceLink } from '../../net/links/trace-link.ts';
import { Stack } from '../../net/stack.ts';
import { obey } from './commands.ts';
import { openControlSocket } from './control-socket.ts';
import { Descriptors } from './descriptors.ts';
import { FinishingLink } from './finishing-link.ts';
import { type PortArguments, parsePortArguments, usage } from './port-arguments.ts';
import { StackTurns } from './stack-turns.ts';

/** Those in TIME-WAIT are among them. */
const maxConnections = 65_536;
/** A page is touched when it is first written: what nobody fills costs nothing. */
const bufferBytes = 536_870_912;

const badStart = 2;

try {
  const given = parsePortArguments(process.argv.slice(2));
  if (given === null) process.stdout.write(`${usage}\n`);
  else await run(given);
} catch (error) {
  end(error, badStart);
}

async function run(given: PortArguments): Promise<void> {
  const opened = openLink({
    wish: given.wish,
    devices: [given.device],
    role: 'server',
    port: given.port,
    addresses: Uint32Array.of(given.address),
    threads: 1,
  });
  const link = kernelLinkAround(opened.link, (inner) => {
    const whole = given.wish === 'af_xdp' ? new FinishingLink(inner) : inner;
    return given.trace ? traceLink(whole, (line) => process.stderr.write(`${line}\n`)) : whole;
  });
  const stack = new Stack({
    link,
    addresses: Uint32Array.of(given.address),
    random: () => randomBytes(4).readUInt32LE(),
    maxConnections,
    backlog: given.backlog,
    answers: { arp: !opened.kernelAnswers, ping: !opened.kernelAnswers },
    buffers: { memoryBytes: bufferBytes },
    timers: { timeWaitMs: given.timeWaitMs },
  });
  stack.listen(given.port);
  const descriptors = new Descriptors(stack, maxConnections);
  const turns = new StackTurns({
    stack,
    link,
    happened: (id, mask) => descriptors.happened(id, mask),
    failed: (error) => end(error, 1),
  });
  const control = await openControlSocket(given.control, (line) => {
    // What its client sent before the line is known when the line is obeyed.
    turns.now();
    const result = obey(descriptors, line);
    stack.flush();
    return String(result);
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => {
      turns.stop();
      control.close();
      descriptors.reset();
      stack.flush();
      opened.close();
    });
  turns.start();
  process.stdout.write(`ready: ${given.addressText}:${given.port} by ${opened.chosen}\n`);
}

/** The socket of the commands is left behind as after a crash: the next start replaces it. */
function end(error: unknown, status: number): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`, () =>
    process.exit(status),
  );
}
