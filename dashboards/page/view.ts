/** What the sections of the page are drawn from: the documents, what a person has chosen, and words they share. */

import type { Conditions } from '../../coordinator/judge/pairs.ts';
import { conditionsText, varyingFactors } from '../../coordinator/report/figures.ts';
import { seriesColour } from '../../coordinator/report/html/palette.ts';
import type { PastRun, RunOutline } from '../../protocol/live-page.ts';
import type { ConnectionState } from './connection.ts';
import type { Documents } from './documents.ts';
import type { Child } from './tree.ts';

export interface View {
  readonly documents: Documents;
  readonly connection: ConnectionState;
  /** Place in the outline's conditions of what is shown in detail. */
  readonly conditions: number;
  /** Name of the trial whose figures are shown; null: none was chosen. */
  readonly trial: string | null;
  readonly pastRuns: readonly PastRun[];
  /** Pixels that a section's content has. */
  widthOf(section: string): number;
}

/** What a person can do. */
export interface Actions {
  chooseConditions(place: number): void;
  chooseTrial(trial: string): void;
  retry(): void;
}

export interface Section {
  /** Of the element it is shown in. */
  readonly id: string;
  /** Whether it shows something of this document. */
  shows(key: string): boolean;
  draw(view: View, actions: Actions): readonly Child[];
}

/** A CSS colour, the same for a variant everywhere. */
export function variantColour({ variants }: RunOutline, variant: string): string {
  return `var(--${seriesColour(Math.max(0, variants.indexOf(variant)))})`;
}

/** A line of its own in charts, for those who do not see the colours. */
export function variantDash({ variants }: RunOutline, variant: string): string {
  return ['', '7 3', '2 3', '9 3 2 3'][Math.max(0, variants.indexOf(variant)) % 4];
}

/** The cells of the chosen conditions, baseline first as the scenario has them. */
export function chosenCells(run: RunOutline, conditions: number) {
  return run.cells.flatMap(({ cell, conditions: own }, place) =>
    own === conditions ? [{ place, variant: cell.variant }] : [],
  );
}

/** What tells these conditions from the others; empty when there are no others. */
export function conditionsWords({ conditions }: RunOutline, place: number): string {
  const factors = varyingFactors(conditions as readonly Conditions[]);
  return factors.length === 0 ? '' : conditionsText(conditions[place] as Conditions, factors);
}

export function cellWords(run: RunOutline, place: number): string {
  const { cell, conditions } = run.cells[place];
  const words = conditionsWords(run, conditions);
  return words === '' ? cell.variant : `${cell.variant} · ${words}`;
}
