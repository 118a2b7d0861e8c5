/**
 * Colours of the page and its charts, by what they mean, light and dark. ECharts is given a stand-in for each, which
 * becomes a CSS variable in the drawing: one drawing serves both themes.
 *
 * Text has a contrast of 4.5:1 or more against the page, marks of 3:1 (WCAG 2.2, 1.4.3 and 1.4.11; a test computes them).
 */

interface Colour {
  readonly light: string;
  readonly dark: string;
}

export const colours = {
  page: { light: '#ffffff', dark: '#14171c' },
  panel: { light: '#f5f6f8', dark: '#1d2128' },
  ink: { light: '#1b1f26', dark: '#e8eaee' },
  muted: { light: '#59616e', dark: '#a3abb8' },
  line: { light: '#d5d9e0', dark: '#363c47' },
  zone: { light: '#e9edf3', dark: '#262c36' },
  link: { light: '#0b5fa5', dark: '#7dbdf5' },
  better: { light: '#0b7a54', dark: '#4cc79a' },
  worse: { light: '#b3301e', dark: '#ff8f7a' },
  equivalent: { light: '#2b5fb0', dark: '#8ab4f8' },
  inconclusive: { light: '#646c79', dark: '#9aa3b1' },
  user: { light: '#0b62a4', dark: '#6cb6f0' },
  system: { light: '#c4500c', dark: '#f39a5f' },
  softirq: { light: '#8e3a86', dark: '#dc93d2' },
  idle: { light: '#e3e6eb', dark: '#2b313b' },
  series0: { light: '#0b62a4', dark: '#6cb6f0' },
  series1: { light: '#c4500c', dark: '#f39a5f' },
  series2: { light: '#0f7f5f', dark: '#4fcfa6' },
  series3: { light: '#8e3a86', dark: '#dc93d2' },
  series4: { light: '#8a6800', dark: '#e0c04a' },
  series5: { light: '#3f4a9c', dark: '#9aa7ff' },
  series6: { light: '#a02c45', dark: '#f08aa0' },
  series7: { light: '#4d6b00', dark: '#b5cf5a' },
} as const satisfies Record<string, Colour>;

export type ColourName = keyof typeof colours;

const names = Object.keys(colours) as ColourName[];
const seriesNames = names.filter((name) => name.startsWith('series'));

/** The same variant has the same colour everywhere. */
export function seriesColour(index: number): ColourName {
  return seriesNames[index % seriesNames.length];
}

/** What ECharts is given: a colour nothing else has. */
export function standIn(name: ColourName): string {
  return `#0a00${(names.indexOf(name) + 0x10).toString(16)}`;
}

/** Stand-ins in a drawing become CSS variables. */
export function themed(svg: string): string {
  return svg.replace(/#0a00([0-9a-f]{2})/g, (whole, code: string) => {
    const name = names[Number.parseInt(code, 16) - 0x10];
    return name === undefined ? whole : `var(--${name})`;
  });
}

export function colourVariables(theme: keyof Colour): string {
  return names.map((name) => `--${name}:${colours[name][theme]};`).join('');
}
