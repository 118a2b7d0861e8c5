/**
 * The documents of a live page, and in which order they last changed: the newest text of each stays, whatever was before
 * is forgotten. So it is never larger than the documents are, and whoever has seen it up to a number can be told all that
 * is newer, in pieces.
 *
 * A document is turned into text when somebody is to be told, and once: while nobody watches, a change costs next to
 * nothing.
 */

import type { LiveDocuments } from '../../protocol/live-page.ts';

interface Entry {
  readonly key: string;
  sequence: number;
  document: unknown;
  /** Null: changed since it was last told. */
  text: string | null;
}

export interface Piece {
  /** The number of the last change in it. */
  readonly upTo: number;
  /** The members of a JSON object, key and document, separated by commas. */
  readonly text: string;
  readonly count: number;
}

export class ChangeLog {
  readonly #entries = new Map<string, Entry>();
  /** In the order of their numbers; null: has changed again since. */
  #order: (Entry | null)[] = [];
  /** The number of each place of `#order`; they only grow. */
  #numbers: number[] = [];
  #sequence = 0;

  get sequence(): number {
    return this.#sequence;
  }

  put<Key extends keyof LiveDocuments & string>(key: Key, document: LiveDocuments[Key]): void {
    const entry = this.#entries.get(key) ?? { key, sequence: 0, document: null, text: null };
    if (entry.sequence > 0) this.#order[this.#placeOf(entry.sequence)] = null;
    entry.sequence = ++this.#sequence;
    entry.document = document;
    entry.text = null;
    this.#entries.set(key, entry);
    this.#order.push(entry);
    this.#numbers.push(entry.sequence);
    if (this.#order.length > 2 * this.#entries.size + 64) this.#sweep();
  }

  /** What changed after `sequence`, the oldest first, at most about `mostCharacters` of it; null: nothing. */
  since(sequence: number, mostCharacters: number): Piece | null {
    const told: string[] = [];
    let characters = 0;
    let upTo = sequence;
    for (let place = this.#placeOf(sequence + 1); place < this.#order.length; place++) {
      const entry = this.#order[place];
      if (entry === null) continue;
      entry.text ??= `${JSON.stringify(entry.key)}:${JSON.stringify(entry.document)}`;
      if (told.length > 0 && characters + entry.text.length > mostCharacters) break;
      told.push(entry.text);
      characters += entry.text.length;
      upTo = entry.sequence;
    }
    return told.length === 0 ? null : { upTo, text: told.join(','), count: told.length };
  }

  /** The first place whose number is not under `sequence`. */
  #placeOf(sequence: number): number {
    let [low, high] = [0, this.#numbers.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#numbers[middle] < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sweep(): void {
    this.#order = this.#order.filter((entry) => entry !== null);
    this.#numbers = this.#order.map((entry) => entry?.sequence ?? 0);
  }
}
