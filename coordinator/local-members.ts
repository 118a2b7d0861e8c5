/**
 * The members of a local run: one server and its agents as processes of this machine, started for the run, watched,
 * started again when they die, and ended with it. They take part like those of a cluster, through Redis alone.
 *
 * The Redis password goes to them in the environment, not in argv, where everybody could read it.
 */

import { type ChildProcess, spawn } from 'node:child_process';
import { runIncomplete } from '../protocol/failure.ts';
import type { Lab } from './labs/lab.ts';
import { dyingWithUs, endProcess, howItEnded, keptOn } from './offspring.ts';
import { shareCores } from './plan/placement.ts';
import type { Plan } from './plan/plan.ts';

/** Members close what they have open within this after SIGTERM. */
const patienceMs = 3_000;
const restartMs = 200;
/** A member that lives shorter than this did not get to its work: three in a row, and something is wrong with it. */
const shortLifeMs = 3_000;
const maxShortLives = 3;
const keptOutputCharacters = 16_384;

export interface LocalMember {
  readonly name: string;
  readonly arguments: readonly string[];
  /** Where its process runs; the threads and servers it starts have cores of their own. */
  readonly cores: readonly number[];
}

export interface MemberEvents {
  /** It ended without having been told to, and is started again. */
  onExit(name: string, how: string): void;
  /** It cannot be kept up: the run cannot go on. */
  onHopeless(error: Error): void;
}

/** Who takes part in a local run: names (unique among runs on one Redis) and what each is started with. */
export function localMembers(
  run: string,
  plan: Plan,
  lab: Lab,
): { readonly server: LocalMember; readonly agents: readonly LocalMember[] } {
  const suffix = run.slice(-6);
  const serverCores = [...new Set(plan.cells.flatMap((cell) => cell.serverCores))].sort((a, b) => a - b);
  const cores = shareCores(plan.loadCores, lab.agents.length);
  const server = `local-server-${suffix}`;
  return {
    server: {
      name: server,
      cores: plan.loadCores,
      arguments: [
        'server',
        ...option('--name', server),
        ...option('--cores', serverCores.join(',')),
        ...option('--namespace', lab.serverNamespace),
        ...option('--addresses', lab.serverAddresses.join(',')),
      ],
    },
    agents: lab.agents.map((agent, index) => {
      const name = `local-agent-${index}-${suffix}`;
      return {
        name,
        cores: plan.loadCores,
        arguments: [
          'agent',
          ...option('--name', name),
          ...option('--cores', (cores[index] ?? []).join(',')),
          ...option('--namespace', agent.namespace),
          ...option('--source-addresses', agent.sourceAddresses.join(',')),
          ...option('--allow', agent.allow.join(',')),
        ],
      };
    }),
  };
}

function option(flag: string, value: string | null): readonly string[] {
  return value === null || value === '' ? [] : [flag, value];
}

export class LocalMembers {
  readonly #command: readonly string[];
  readonly #redisUrl: string;
  readonly #events: MemberEvents;
  readonly #processes = new Map<string, ChildProcess>();
  #ending = false;

  constructor(command: readonly string[], redisUrl: string, events: MemberEvents) {
    this.#command = command;
    this.#redisUrl = redisUrl;
    this.#events = events;
  }

  start(member: LocalMember): void {
    this.#launch(member, 0);
  }

  /** Ends it, by force; it is then started again. For a member that is there and does not answer. */
  replace(name: string): boolean {
    return this.#processes.get(name)?.kill('SIGKILL') ?? false;
  }

  /** Never rejects. */
  async stop(): Promise<void> {
    this.#ending = true;
    await Promise.all([...this.#processes.values()].map((child) => endProcess(child, patienceMs)));
  }

  #launch(member: LocalMember, shortLives: number): void {
    if (this.#ending) return;
    const [program, ...rest] = dyingWithUs(keptOn(member.cores, [...this.#command, ...member.arguments]));
    const began = performance.now();
    // A session of its own: Ctrl-C at a terminal reaches the coordinator, which ends everybody in order.
    const child = spawn(program as string, rest, {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, STAMPEDE_REDIS_URL: this.#redisUrl },
    });
    this.#processes.set(member.name, child);
    let output = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      output = (output + text).slice(-keptOutputCharacters);
    });
    let gone = false;
    const onGone = (how: string) => {
      if (gone || this.#ending) return;
      gone = true;
      const said = lastWords(output);
      const why = said === '' ? how : `${how}; it said: ${said}`;
      const lives = performance.now() - began < shortLifeMs ? shortLives + 1 : 0;
      this.#events.onExit(member.name, why);
      if (lives >= maxShortLives) {
        this.#events.onHopeless(
          runIncomplete(
            `Cannot keep ${member.name} running: it ${why}, ${lives} times within ${shortLifeMs / 1000} s of its start`,
          ),
        );
        return;
      }
      setTimeout(() => this.#launch(member, lives), restartMs);
    };
    child.once('error', (error) => onGone(`could not be started (${error.message})`));
    child.once('exit', (code, signal) => onGone(howItEnded(code, signal)));
  }
}

/** The end of what a member wrote: warnings and errors of its log, and whatever is no log at all (a stack, say). */
function lastWords(output: string): string {
  const words = output.split('\n').flatMap((line) => wordsOf(line.trim()));
  return words.slice(-5).join(' | ').slice(-1_000);
}

const warningLevel = 40;

function wordsOf(line: string): string[] {
  if (line === '') return [];
  try {
    const entry = JSON.parse(line) as { level?: unknown; msg?: unknown; reason?: unknown } | null;
    if (typeof entry?.level !== 'number') return [line];
    const reason = typeof entry.reason === 'string' ? `: ${entry.reason}` : '';
    return entry.level >= warningLevel ? [`${entry.msg}${reason}`] : [];
  } catch {
    return [line];
  }
}
