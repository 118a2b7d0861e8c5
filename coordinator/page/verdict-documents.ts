/**
 * A comparison as the live page is told it: the answer, the rows by condition, and the course: what was known of the
 * headline metric after each block.
 */

import type { Comparison } from '../../protocol/comparison-record.ts';
import type { Answer, CourseStep, LiveDocuments, VerdictLine } from '../../protocol/live-page.ts';
import type { MetricName } from '../../protocol/scenario.ts';
import { conditionsKey } from '../judge/pairs.ts';
import { modelLines } from '../report/model-words.ts';

type Put = <Key extends keyof LiveDocuments & string>(key: Key, document: LiveDocuments[Key]) => void;

export class VerdictDocuments {
  readonly #headline: MetricName;
  /** Key of conditions → their place in the outline. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #courses = new Map<number, CourseStep[]>();
  readonly #put: Put;

  constructor(headline: MetricName, places: ReadonlyMap<string, number>, put: Put) {
    this.#headline = headline;
    this.#places = places;
    this.#put = put;
  }

  judged(comparison: Comparison, known: Pick<Answer, 'isFinal' | 'blocks'>): void {
    const { answer, thresholds } = comparison;
    const groups = new Map<number, VerdictLine[]>();
    for (const { cell, ...line } of comparison.rows) {
      const place = this.#places.get(conditionsKey(cell));
      if (place === undefined) continue;
      const group = groups.get(place) ?? [];
      group.push(line);
      groups.set(place, group);
    }
    for (const [place, lines] of groups) {
      this.#put(`verdicts/${place}`, lines);
      this.#put(`course/${place}`, this.#step(place, lines, known.blocks));
    }
    if (comparison.model.length > 0) this.#put('modelled', modelLines(comparison));
    this.#put('answer', { text: answer, thresholds, ...known });
  }

  /** Judged again after the same block, the newer judgement stands. */
  #step(place: number, lines: readonly VerdictLine[], block: number): readonly CourseStep[] {
    const steps = lines
      .filter(({ metric }) => metric === this.#headline)
      .map(({ variant, ratio, low, high, verdict }) => ({ block, variant, ratio, low, high, verdict }));
    const earlier = (this.#courses.get(place) ?? []).filter((step) => step.block < block);
    const course = [...earlier, ...steps];
    this.#courses.set(place, course);
    return course;
  }
}
