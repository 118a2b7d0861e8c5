/** The page's copy of what it was told, by key, and how far it has been told. */

import type { LiveDocuments, LiveMessage } from '../../protocol/live-page.ts';

type Changes = Extract<LiveMessage, { kind: 'changes' }>;
type Whole = 'run' | 'progress' | 'members' | 'answer' | 'modelled' | 'troubles' | 'control' | 'ended';
type Series = 'trials' | 'rates';
type Numbered = 'cells' | 'verdicts' | 'course';

export class Documents {
  readonly #documents = new Map<string, unknown>();
  #server: string | null = null;
  #sequence = 0;

  /** What to ask for: all that came after. */
  get position(): { readonly server: string | null; readonly sequence: number } {
    return { server: this.#server, sequence: this.#sequence };
  }

  /** @returns the keys that changed; null: everything is another run's now. */
  take({ server, anew, upTo, documents }: Changes): readonly string[] | null {
    if (anew) this.#documents.clear();
    this.#server = server;
    this.#sequence = upTo;
    for (const [key, document] of Object.entries(documents)) this.#documents.set(key, document);
    return anew ? null : Object.keys(documents);
  }

  get<Key extends Whole>(key: Key): LiveDocuments[Key] | undefined {
    return this.#documents.get(key) as LiveDocuments[Key] | undefined;
  }

  at<Kind extends Numbered>(kind: Kind, place: number): LiveDocuments[`${Kind}/${number}`] | undefined {
    return this.#documents.get(`${kind}/${place}`) as LiveDocuments[`${Kind}/${number}`] | undefined;
  }

  /** All parts of a series, one after the other. */
  all<Kind extends Series>(kind: Kind): LiveDocuments[`${Kind}/${number}`][number][] {
    const parts: LiveDocuments[`${Kind}/${number}`][number][] = [];
    for (let place = 0; ; place++) {
      const part = this.#documents.get(`${kind}/${place}`);
      if (part === undefined) return parts;
      parts.push(...(part as typeof parts));
    }
  }
}
