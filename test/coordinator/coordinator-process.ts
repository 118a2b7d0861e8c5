/** A coordinator in a process of its own, to be killed: options as JSON in argv, a line of JSON a step on stdout. */

import { runScenario } from '../../coordinator/coordinator.ts';
import { messageOf } from '../../protocol/failure.ts';
import { runFolder } from '../../protocol/run-folder.ts';
import { scenarioSchema } from '../../protocol/scenario.ts';

interface Order {
  readonly scenario: unknown;
  readonly folder: string;
  readonly redisUrl: string | null;
  readonly memberCommand: readonly string[];
}

const order = JSON.parse(process.argv[2] ?? '') as Order;
const tell = (step: object) => process.stdout.write(`${JSON.stringify(step)}\n`);
const abort = new AbortController();
process.on('SIGINT', () => abort.abort());

try {
  const outcome = await runScenario({
    scenario: scenarioSchema.parse(order.scenario),
    scenarioText: JSON.stringify(order.scenario),
    folder: runFolder(order.folder),
    redisUrl: order.redisUrl,
    memberCommand: order.memberCommand,
    signal: abort.signal,
    onProgress: tell,
  });
  tell({ kind: 'outcome', ...outcome, comparison: outcome.comparison === null ? null : 'there' });
} catch (error) {
  tell({
    kind: 'thrown',
    message: messageOf(error),
    exitStatus: (error as { exitStatus?: number }).exitStatus,
  });
}
