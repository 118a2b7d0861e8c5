/** Writing for people: colour where wanted, columns that line up, times in words. Decides nothing. */

import type { WriteStream } from 'node:tty';

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Colour only on a terminal, and not when NO_COLOR is set (no-color.org) or the terminal is dumb. */
export function wantsColour(stream: NodeJS.WritableStream): boolean {
  const { NO_COLOR, TERM } = process.env;
  return (stream as WriteStream).isTTY === true && (NO_COLOR ?? '') === '' && TERM !== 'dumb';
}

export function styleOf(stream: NodeJS.WritableStream): Style {
  const colour = wantsColour(stream);
  const paint = (start: number, end: number) => (text: string) =>
    colour ? `\x1b[${start}m${text}\x1b[${end}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
  };
}

/** 7 → "7 s", 68 → "1 min 8 s", 7380 → "2 h 3 min". */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** 22512.4 → "22,512". */
export function amount(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Columns as wide as their widest cell, two spaces between; the last is not padded. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, index) => {
      widths[index] = Math.max(widths[index] ?? 0, cell.length);
    });
  return rows
    .map((row) =>
      row
        .map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0)))
        .join('  '),
    )
    .join('\n');
}

/** "1 trial", "2 trials". */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en-US')} ${noun}${count === 1 ? '' : 's'}`;
}
