/**
 * What a person sees while a run works: on a terminal one line that is written over, elsewhere a line a block or every
 * ten seconds. All of it goes to stderr; stdout belongs to the result.
 */

import type { Phase, Progress } from '../coordinator/run-options.ts';
import { amount, duration, type Style, styleOf } from './terminal.ts';

const sparseMs = 10_000;

export interface ProgressDisplay {
  show(progress: Progress): void;
  /** A line that stays. */
  say(text: string): void;
  /** Takes the rewriting line away. */
  end(): void;
}

/** What the run starts for itself, and what it finds. */
export interface RunParts {
  readonly isOwnRedis: boolean;
  readonly areOwnMembers: boolean;
}

export function progressDisplay(
  stream: NodeJS.WriteStream,
  quiet: boolean,
  parts: RunParts = { isOwnRedis: true, areOwnMembers: true },
): ProgressDisplay {
  const style = styleOf(stream);
  if (quiet) return { show: () => {}, say: () => {}, end: () => {} };
  const phaseWords = wordsOfPhases(parts);
  return stream.isTTY ? rewriting(stream, style, phaseWords) : sparse(stream, style, phaseWords);
}

function rewriting(stream: NodeJS.WriteStream, style: Style, phaseWords: PhaseWords): ProgressDisplay {
  let line = '';
  let rate = '';
  const clear = (): void => {
    if (line !== '') stream.write('\r\x1b[2K');
  };
  const draw = (text: string): void => {
    clear();
    line = text.slice(0, Math.max(20, (stream.columns || 80) - 1));
    stream.write(line);
  };
  const say = (text: string): void => {
    const kept = line;
    clear();
    line = '';
    stream.write(`${text}\n`);
    if (kept !== '') draw(kept);
  };
  let trial = '';
  return {
    show: (progress) => {
      const lasting = lastingLine(progress, style);
      if (lasting !== null) return say(lasting);
      switch (progress.kind) {
        case 'phase': {
          const words = phaseWords[progress.phase];
          return words === null ? undefined : draw(words);
        }
        case 'trial':
          trial = trialWords(progress);
          rate = '';
          return draw(trial);
        case 'rate':
          rate = `  ${amount(progress.connectionsPerSecond)}/s`;
          return draw(`${trial}${rate}`);
        default:
          return undefined;
      }
    },
    say,
    end: () => {
      clear();
      line = '';
    },
  };
}

function sparse(stream: NodeJS.WriteStream, style: Style, phaseWords: PhaseWords): ProgressDisplay {
  let block = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  const say = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    show: (progress) => {
      const lasting = lastingLine(progress, style);
      if (lasting !== null) return say(lasting);
      if (progress.kind === 'phase') {
        const words = phaseWords[progress.phase];
        return words === null || progress.phase === 'trials' ? undefined : say(words);
      }
      if (progress.kind !== 'trial') return undefined;
      const nowMs = performance.now();
      if (progress.block === block && nowMs - lastMs < sparseMs) return undefined;
      block = progress.block;
      lastMs = nowMs;
      return say(trialWords(progress));
    },
    say,
    end: () => {},
  };
}

/** What must not be written over: something went wrong. */
function lastingLine(progress: Progress, style: Style): string | null {
  switch (progress.kind) {
    case 'retry':
      return style.yellow(
        `! ${progress.trial}, attempt ${progress.attempt}: ${progress.reason}; it is tried again`,
      );
    case 'givenUp':
      return style.red(`! ${progress.trial} was given up: ${progress.reason}`);
    case 'warning':
      return style.yellow(`! ${progress.text}`);
    default:
      return null;
  }
}

function trialWords(progress: Extract<Progress, { kind: 'trial' }>): string {
  const { done, total, what, attempt, secondsLeft } = progress;
  const again = attempt > 1 ? ` (attempt ${attempt})` : '';
  return `trial ${done + 1} of ${total}, ${duration(secondsLeft)} left: ${what}${again}`;
}

type PhaseWords = Readonly<Record<Phase, string | null>>;

function wordsOfPhases({ isOwnRedis, areOwnMembers }: RunParts): PhaseWords {
  return {
    // It takes milliseconds, and may yet be refused.
    opening: null,
    redis: `${isOwnRedis ? 'starting' : 'connecting to'} Redis …`,
    lab: 'making the lab …',
    members: areOwnMembers
      ? 'starting the agents and the server host …'
      : 'waiting for the agents and the server host …',
    trials: 'measuring …',
    judging: 'judging …',
    closing: 'closing …',
  };
}
