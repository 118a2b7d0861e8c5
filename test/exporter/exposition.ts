/** Prometheus' text format, as far as tests read it. */

/** The values of a metric's lines, in their order. */
export function valuesIn(text: string, name: string): number[] {
  return linesIn(text, name).map(({ value }) => value);
}

/** The value under exactly these labels; undefined: there is none. */
export function valueIn(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  return linesIn(text, name).find((line) => JSON.stringify(Object.entries(line.labels).sort()) === wanted)
    ?.value;
}

function linesIn(text: string, name: string) {
  return text.split('\n').flatMap((line) => {
    const match = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null || match[1] !== name) return [];
    const labels = [...(match[2] ?? '').matchAll(/([a-z_]+)="([^"]*)"/g)].map(
      ([, label, value]) => [label, value] as const,
    );
    return [{ labels: Object.fromEntries(labels) as Record<string, string>, value: Number(match[3]) }];
  });
}
