/** What went wrong in a run, for people: counted without end, kept in words up to a limit. */

import type { Notice, Troubles } from '../../protocol/live-page.ts';

const mostNotices = 50;
const mostCharacters = 500;

export class TroubleLog {
  #voidAttempts = 0;
  #givenUp = 0;
  #left = 0;
  #notices: Notice[] = [];

  add({ at, kind, text }: Notice): void {
    if (kind === 'void') this.#voidAttempts++;
    if (kind === 'given-up') this.#givenUp++;
    const kept = text.length > mostCharacters ? `${text.slice(0, mostCharacters)}…` : text;
    this.#notices = [...this.#notices, { at, kind, text: kept }];
    if (this.#notices.length <= mostNotices) return;
    this.#notices = this.#notices.slice(-mostNotices);
    this.#left++;
  }

  get troubles(): Troubles {
    return {
      voidAttempts: this.#voidAttempts,
      givenUp: this.#givenUp,
      notices: this.#notices,
      left: this.#left,
    };
  }
}
