/**
 * Who may have what the page serves. Three questions, asked of every request and of every upgrade before it is answered:
 *
 *   Host    where there is no token: is it a name of loopback? A page of somebody else's, whose name was made to lead here,
 *           has another one. (Where there is a token it has none to show: its cookies are those of its own name.)
 *   Origin  where a browser says it: is it this page itself?
 *   token   where there is one: is it there, as a bearer's or in the cookie of the login?
 */

import { isLoopback, tokenMatches } from '../../protocol/access.ts';
import type { LoginCookie } from './login-cookie.ts';

export interface Caller {
  readonly host: string | undefined;
  readonly origin: string | undefined;
  readonly authorization: string | undefined;
  readonly cookie: string | undefined;
}

/** token: none, or another one; place: from somewhere that is not this page. */
export type Admission = 'granted' | 'token' | 'place';

export class Gate {
  readonly #token: string | null;
  readonly #cookie: LoginCookie | null;

  constructor(token: string | null, cookie: LoginCookie | null) {
    this.#token = token;
    this.#cookie = cookie;
  }

  admit(caller: Caller): Admission {
    if (!this.comesFromHere(caller)) return 'place';
    return this.#knows(caller) ? 'granted' : 'token';
  }

  /** Host and origin alone: for what is served to those who have no token yet. */
  comesFromHere({ host, origin }: Pick<Caller, 'host' | 'origin'>): boolean {
    const name = hostNameOf(host);
    // Its port is not looked at: people come through tunnels.
    if (name === null || (this.#token === null && !isLoopback(name))) return false;
    return origin === undefined || hostOfOrigin(origin) === host?.toLowerCase();
  }

  #knows({ authorization, cookie }: Caller): boolean {
    if (this.#token === null) return true;
    const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    if (bearer !== undefined) return tokenMatches(this.#token, bearer);
    return this.#cookie?.isIn(cookie) ?? false;
  }
}

/** Without port and brackets; null: none, or nothing that a Host header may be. */
function hostNameOf(host: string | undefined): string | null {
  const match = /^(?:\[(?<ipv6>[0-9a-f:.]+)\]|(?<name>[a-z0-9._-]+))(?::\d{1,5})?$/.exec(
    host?.toLowerCase() ?? '',
  );
  return match?.groups?.ipv6 ?? match?.groups?.name ?? null;
}

/** With its port, as a Host header has it: without that of the scheme. */
function hostOfOrigin(origin: string): string | null {
  try {
    const { protocol, host } = new URL(origin);
    return protocol === 'http:' || protocol === 'https:' ? host : null;
  } catch {
    return null;
  }
}
