/**
 * A Docker engine for one test: the one that is there, or one that the program of STAMPEDE_TEST_IMAGES starts.
 *
 * That program is for a machine that reaches no container registry. It gets the tags of Node's, Redis' and Prometheus' images,
 * and makes images of those names; it may start an engine, and then says "pid N" of it. What it started is ended here,
 * with the rules and bridges that it made; an engine that was there stays as it is.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readCompose, someVariables } from './project-files.ts';

export interface Engine {
  /** What ran, to its end: its output; throws what it said when its status is not 0. */
  docker(...parameters: string[]): string;
  compose(...parameters: string[]): string;
  end(): Promise<void>;
}

const minutesMs = 60_000;

export function startEngine(project: {
  readonly files: readonly string[];
  readonly name: string;
  readonly environmentFile: string;
  readonly environment: Readonly<Record<string, string>>;
}): Engine {
  const environment = { ...process.env, ...project.environment };
  const run = (command: string, parameters: readonly string[]): string => {
    const { status, stdout, stderr, error } = spawnSync(command, parameters, {
      encoding: 'utf8',
      env: environment,
      timeout: 15 * minutesMs,
      maxBuffer: 64 << 20,
    });
    if (status === 0) return stdout;
    throw new Error(`${command} ${parameters.join(' ')}: ${error?.message ?? stderr.slice(-4_000)}`);
  };
  const answers = (command: string, ...parameters: string[]): boolean =>
    spawnSync(command, parameters, { env: environment }).status === 0;
  const images = baseImages();
  const makeImages = process.env.STAMPEDE_TEST_IMAGES;
  let started: number | null = null;
  const isThere = answers('docker', 'info');
  if (
    makeImages !== undefined &&
    !(isThere && images.every((tag) => answers('docker', 'image', 'inspect', tag)))
  ) {
    const said = run(makeImages, images);
    started = isThere ? null : Number(/\bpid (\d+)/.exec(said)?.[1] ?? Number.NaN);
  }
  if (!answers('docker', 'info'))
    throw new Error(
      'No Docker engine answers; wanted one. Start it, or name a program that does by STAMPEDE_TEST_IMAGES (see test/compose/engine.ts)',
    );
  const [program = '', ...first] = answers('docker', 'compose', 'version')
    ? ['docker', 'compose']
    : ['docker-compose'];
  const common = [
    ...first,
    ...project.files.flatMap((file) => ['-f', file]),
    ...['-p', project.name, '--env-file', project.environmentFile],
  ];
  return {
    docker: (...parameters) => run('docker', parameters),
    compose: (...parameters) => run(program, [...common, ...parameters]),
    end: async () => {
      if (started !== null && Number.isInteger(started)) await endEngine(started);
    },
  };
}

/** Those that the stages begin with which this test builds. */
function baseImages(): string[] {
  const { services } = readCompose('docker-compose.yml', someVariables);
  const tags = ['server-under-test', 'redis', 'prometheus'].flatMap((name) =>
    Object.values(services.get(name)?.build?.args ?? {}),
  );
  return [...new Set(tags)];
}

async function endEngine(pid: number): Promise<void> {
  process.kill(pid, 'SIGTERM');
  for (let wait = 0; existsSync(`/proc/${pid}`) && wait < 300; wait++) await sleep(100);
  // Of the machine's own rules there were none that an engine had to be started for.
  for (const table of ['filter', 'nat'])
    for (const what of ['-F', '-X']) spawnSync('iptables', ['-t', table, what]);
  spawnSync('iptables', ['-P', 'FORWARD', 'ACCEPT']);
  spawnSync('ip', ['link', 'delete', 'docker0']);
}
