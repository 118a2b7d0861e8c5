/**
 * The cookie of somebody who has shown the token: until when it holds, and a proof that only the token could have made.
 * It is not the token, and nothing is kept for it, so it holds for the next run with the same token too.
 */

import { createHash, createHmac } from 'node:crypto';
import { tokenMatches } from '../../protocol/access.ts';

const validSeconds = 12 * 3600;

export class LoginCookie {
  readonly #key: Buffer;
  /** Cookies are shared by all ports of a host: two coordinators with tokens of their own must not take each other's. */
  readonly #name: string;
  readonly #nowMs: () => number;

  constructor(token: string, nowMs: () => number = Date.now) {
    this.#key = createHash('sha256').update(`cookie of the live page ${token}`).digest();
    this.#name = `stampede-${createHmac('sha256', this.#key).update('name').digest('hex').slice(0, 8)}`;
    this.#nowMs = nowMs;
  }

  /** For a Set-Cookie header. There is no Secure, because there is no TLS here. */
  make(): string {
    const until = Math.floor(this.#nowMs() / 1000) + validSeconds;
    return `${this.#name}=${until}.${this.#proof(until)}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${validSeconds}`;
  }

  /** @param header of a request: `name=value; name=value`. */
  isIn(header: string | undefined): boolean {
    return (header ?? '').split(';').some((pair) => {
      const [name, value] = pair.trim().split('=', 2);
      const match = name === this.#name ? /^(\d{1,12})\.([\w-]{43})$/.exec(value ?? '') : null;
      if (match === null) return false;
      const [, until = '', proof = ''] = match;
      return tokenMatches(this.#proof(Number(until)), proof) && Number(until) * 1000 > this.#nowMs();
    });
  }

  #proof(until: number): string {
    return createHmac('sha256', this.#key).update(`until ${until}`).digest('base64url');
  }
}
