/**
 * What a person sees while a run works: on a terminal one line that is written over, elsewhere a line a block or every
 * ten seconds. All of it goes to stderr; stdout belongs to the result.
 */

import type { Progress } from '../coordinator/run-options.ts';
import { amount, duration, type Style, styleOf } from './terminal.ts';

const sparseMs = 10_000;

export interface ProgressDisplay {
  show(progress: Progress): void;
  /** A line that stays. */
  say(text: string): void;
  /** Takes the rewriting line away. */
  end(): void;
}

export function progressDisplay(stream: NodeJS.WriteStream, quiet: boolean): ProgressDisplay {
  const style = styleOf(stream);
  if (quiet) return { show: () => {}, say: () => {}, end: () => {} };
  return stream.isTTY ? rewriting(stream, style) : sparse(stream, style);
}

function rewriting(stream: NodeJS.WriteStream, style: Style): ProgressDisplay {
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
        case 'phase':
          return draw(phaseWords(progress.phase));
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

function sparse(stream: NodeJS.WriteStream, style: Style): ProgressDisplay {
  let block = 0;
  let lastMs = Number.NEGATIVE_INFINITY;
  const say = (text: string): void => {
    stream.write(`${text}\n`);
  };
  return {
    show: (progress) => {
      const lasting = lastingLine(progress, style);
      if (lasting !== null) return say(lasting);
      if (progress.kind === 'phase' && progress.phase !== 'trials') return say(phaseWords(progress.phase));
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

const phases: Readonly<Record<Extract<Progress, { kind: 'phase' }>['phase'], string>> = {
  opening: 'opening the run folder',
  redis: 'starting Redis',
  lab: 'making the lab',
  members: 'starting the agents and the server host',
  trials: 'measuring',
  judging: 'judging',
  closing: 'closing',
};

function phaseWords(phase: keyof typeof phases): string {
  return `${phases[phase]} …`;
}
