/** `stampede doctor`: what holds a run back on this machine, and what to do about it. Changes nothing. */

import { Command } from 'commander';
import { askK6 } from '../control/k6-program.ts';
import { collectEnvironment } from '../coordinator/environment.ts';
import { findProgram } from '../coordinator/labs/program.ts';
import { readMachine } from '../coordinator/plan/machine.ts';
import { linkAbilities } from '../linux/link-abilities.ts';
import { ExitStatus } from '../protocol/failure.ts';
import { howToGetK6 } from '../protocol/k6-name.ts';
import { abilities } from './abilities.ts';
import { type DoctorFacts, type Finding, findings, type Standing } from './doctor-findings.ts';
import { columns, type Style, styleOf } from './terminal.ts';

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('Say what this machine can do, what holds a run back, and what to do about it.')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Exit status 2 when no run is possible here.

Example:
  stampede doctor --json`,
    )
    .action(async (options: { json?: boolean }) => {
      const found = findings(await doctorFacts());
      const possible = !found.some((finding) => finding.blocks);
      process.stdout.write(
        options.json === true
          ? `${JSON.stringify({ schema: 'stampede.doctor/1', possible, findings: found })}\n`
          : doctorText(found, possible, styleOf(process.stdout)),
      );
      if (!possible) process.exitCode = ExitStatus.badInput;
    });
}

async function doctorFacts(): Promise<DoctorFacts> {
  const program = (name: string, from: string, why: string) =>
    [name, { path: findProgram(name), get: `apt-get install ${from}`, why }] as const;
  return {
    environment: await collectEnvironment(),
    machine: readMachine(),
    abilities: abilities(),
    links: linkAbilities(),
    programs: Object.fromEntries([
      program('redis-server', 'redis-server', 'every run needs one'),
      program('nginx', 'nginx-light', 'the variants nginx and nginx-reuseport need it'),
      program('ip', 'iproute2', 'the lab "namespaces" needs it'),
      program('nsenter', 'util-linux', 'the lab "namespaces" needs it'),
      program('setpriv', 'util-linux', 'what a run starts ends with it more surely'),
      program('ethtool', 'ethtool', 'trials of the lab "namespaces" with frames below TCP need it'),
      program('wrk', 'wrk', 'the bench "socket" compares with it'),
      ['k6', { path: (await askK6()).path, get: howToGetK6, why: 'the engine k6 needs it' }],
    ]),
  };
}

const marks: Readonly<Record<Standing, string>> = {
  ok: 'ok',
  weak: 'weak',
  missing: 'MISSING',
  unknown: '?',
};

function doctorText(found: readonly Finding[], possible: boolean, style: Style): string {
  const paint: Readonly<Record<Standing, (text: string) => string>> = {
    ok: style.green,
    weak: style.yellow,
    missing: style.red,
    unknown: style.dim,
  };
  const rows = columns(found.map(({ topic, standing, is }) => [marks[standing], topic, is])).split('\n');
  const lines = found.flatMap(({ standing, advice }, index) => {
    const row = rows[index] as string;
    const mark = marks[standing];
    const line = `${paint[standing](mark)}${row.slice(mark.length)}`;
    return advice === null ? [line] : [line, style.dim(`         → ${advice}`)];
  });
  lines.push(
    '',
    possible ? 'Runs are possible here.' : style.red('No run is possible here: see MISSING above.'),
  );
  return `${lines.join('\n')}\n`;
}
