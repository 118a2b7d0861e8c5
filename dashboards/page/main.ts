/**
 * Start here: the page in the browser. What comes over the connection goes into the documents, marks the sections that
 * show it, and those are drawn twice a second at most; a page that nobody sees is not drawn at all.
 *
 *   Connection ─ changes ─► Documents ─ keys ─► sections to draw ─ frame ─► tree ─► document
 *
 * It builds no markup from text, stores nothing, and asks nobody but the coordinator it came from.
 */

import type { PastRun } from '../../protocol/live-page.ts';
import { announcement } from './announcement.ts';
import { Connection, type ConnectionState } from './connection.ts';
import { Documents } from './documents.ts';
import { cores } from './sections/cores.ts';
import { latency } from './sections/latency.ts';
import { members } from './sections/members.ts';
import { pastRuns } from './sections/past-runs.ts';
import { rates } from './sections/rates.ts';
import { top } from './sections/top.ts';
import { trials } from './sections/trials.ts';
import { troubles } from './sections/troubles.ts';
import { verdicts } from './sections/verdicts.ts';
import { show } from './tree.ts';
import type { Actions, Section, View } from './view.ts';

const sections: readonly Section[] = [
  top,
  trials,
  verdicts,
  rates,
  latency,
  cores,
  members,
  troubles,
  pastRuns,
];
const leastWidth = 240;
/** What is told comes up to four times a second; drawing it twice is enough to look at, and costs half. */
const drawnEveryMs = 500;

const documents = new Documents();
const chosen = { conditions: 0, trial: null as string | null };
let connectionState: ConnectionState = 'connecting';
let runs: readonly PastRun[] = [];
let announced: string | null = null;

const stale = new Set<Section>();
let timer = 0;
let frame = 0;
let drawnAtMs = Number.NEGATIVE_INFINITY;

const view: View = {
  documents,
  get connection() {
    return connectionState;
  },
  get conditions() {
    return chosen.conditions;
  },
  get trial() {
    return chosen.trial;
  },
  get pastRuns() {
    return runs;
  },
  widthOf: (section) => Math.max(leastWidth, Math.floor(elementOf(section).clientWidth)),
};

const actions: Actions = {
  chooseConditions(place) {
    chosen.conditions = place;
    drawNow([rates, verdicts, latency, cores]);
  },
  chooseTrial(trial) {
    chosen.trial = trial;
    drawNow([trials]);
  },
  retry: () => connection.retry(),
};

const connection = new Connection({
  position: () => documents.position,
  onMessage(message) {
    const keys = documents.take(message);
    if (keys === null) {
      chosen.conditions = 0;
      chosen.trial = null;
    }
    const changed = keys ?? [];
    mark(keys === null ? sections : sections.filter(({ shows }) => changed.some(shows)));
    if (documents.get('ended') !== undefined) connection.over();
    if (keys === null || changed.includes('ended')) void lookForRuns();
    announce();
  },
  onState(state) {
    if (state === connectionState) return;
    connectionState = state;
    mark([top]);
  },
});

function mark(changed: readonly Section[]): void {
  for (const section of changed) stale.add(section);
  if (timer !== 0 || stale.size === 0) return;
  const waitMs = Math.max(0, drawnAtMs + drawnEveryMs - performance.now());
  timer = setTimeout(() => {
    frame = requestAnimationFrame(draw);
  }, waitMs);
}

/** What a person did shows at once. */
function drawNow(changed: readonly Section[]): void {
  for (const section of changed) stale.add(section);
  draw();
}

function draw(): void {
  clearTimeout(timer);
  cancelAnimationFrame(frame);
  timer = 0;
  drawnAtMs = performance.now();
  // Widths first: a measurement between two drawings would lay the page out once for each.
  const drawn = [...stale].map((section) => ({
    at: elementOf(section.id),
    tree: section.draw(view, actions),
  }));
  stale.clear();
  for (const { at, tree } of drawn) show(at, tree);
  const run = documents.get('run');
  const progress = documents.get('progress');
  const done = progress === undefined || progress.total === 0 ? '' : `${progress.done}/${progress.total} `;
  document.title = `${done}${run?.name ?? 'a run'} – Stampede`;
}

/** Said aloud when a verdict changes, or the run ends; not with every figure. */
function announce(): void {
  const said = announcement(documents);
  if (said === null || said.key === announced) return;
  announced = said.key;
  elementOf('announced').textContent = said.text;
}

async function lookForRuns(): Promise<void> {
  const response = await fetch('api/runs').catch(() => null);
  if (response?.ok !== true) return;
  runs = (await response.json()) as readonly PastRun[];
  mark([pastRuns]);
}

function elementOf(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element "${id}"`);
  return found;
}

/** Drawings are as wide as their section; they are made anew when that changes. */
const widths = new Map<string, number>();
new ResizeObserver((entries) => {
  const changed = entries.filter(({ target, contentRect }) => {
    const before = widths.get(target.id);
    widths.set(target.id, contentRect.width);
    return before !== contentRect.width;
  });
  mark(sections.filter(({ id }) => changed.some(({ target }) => target.id === id)));
}).observe(elementOf('rates'));

mark(sections);
connection.open();
