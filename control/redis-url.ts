/**
 * Where Redis is, as one line of text that fits a flag or an environment variable:
 *
 *   redis://[USER][:PASSWORD@]HOST[:PORT][/DATABASE]
 *   rediss://[USER][:PASSWORD@]HOST[:PORT][/DATABASE][?ca=FILE]     TLS; `ca`: trust this certificate authority (PEM)
 *   redis+unix://[USER][:PASSWORD@]/PATH/TO.sock[?db=DATABASE]      UNIX socket; `unix:` means the same
 *
 * User and password are percent-encoded where they hold `:/?#@%`. Nothing here, errors included, ever shows a password.
 * A host that is not this machine without a password is refused: who reaches such a Redis could have load made.
 */

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { RedisOptions } from 'ioredis';
import { isLoopback } from '../protocol/access.ts';
import { badInput, messageOf } from '../protocol/failure.ts';

export interface RedisAddress {
  readonly options: RedisOptions;
  /** The same address without user, password and query: fit to be shown. */
  readonly shown: string;
  /** Whether others than this machine may reach it. */
  readonly offLoopback: boolean;
}

const wanted =
  'wanted redis://[USER:PASSWORD@]HOST[:PORT], rediss://… (TLS) or redis+unix://[USER:PASSWORD@]/PATH/TO.sock';

/** @throws {Failure} (exit status 2) when `text` is none of the forms above. */
export function parseRedisUrl(text: string): RedisAddress {
  // WHATWG URLs cannot have credentials and no host, so the UNIX form is cut by hand.
  const unix =
    /^(?:redis\+)?unix:(?:\/\/(?:(?<credentials>[^@/]*)@)?)?(?<path>\/(?!\/)[^?#]*)(?:\?(?<query>.*))?$/.exec(
      text,
    );
  if (unix?.groups !== undefined) return unixAddress(unix.groups);

  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '') {
    throw badInput(`Cannot read the Redis URL: it has no form that is known; ${wanted}`);
  }
  return networkAddress(url);
}

/** What of a Redis URL may be shown. */
export function shownRedisUrl(text: string): string {
  return parseRedisUrl(text).shown;
}

function unixAddress(parts: { [name: string]: string | undefined }): RedisAddress {
  const path = decoded(parts.path ?? '', 'path');
  const query = new URLSearchParams(parts.query ?? '');
  allowOnly(query, ['db']);
  const [user = '', password = ''] = splitOnce(parts.credentials ?? '');
  return {
    options: { path, ...credentials(user, password), ...database(query.get('db') ?? '') },
    shown: `redis+unix://${path}`,
    offLoopback: false,
  };
}

function networkAddress(url: URL): RedisAddress {
  const tls = url.protocol === 'rediss:';
  allowOnly(url.searchParams, tls ? ['ca'] : []);
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const port = url.port === '' ? 6379 : Number(url.port);
  const authority = url.searchParams.get('ca');
  const shown = `${url.protocol}//${url.hostname}:${port}`;
  const offLoopback = !isLoopback(host);
  if (offLoopback && url.password === '') {
    throw badInput(
      `Cannot use Redis at ${shown}: that is not loopback and the URL has no password; wanted one, with the user of this role: ` +
        'set "user default off" and a user for each role in its ACL (docs/cluster.md), then write redis://USER:PASSWORD@HOST',
    );
  }
  return {
    options: {
      host,
      port,
      ...credentials(url.username, url.password),
      ...database(url.pathname.replace(/^\//, '')),
      ...(tls && {
        tls: {
          // Server name indication carries names only (RFC 6066, section 3).
          ...(isIP(host) === 0 && { servername: host }),
          ...(authority !== null && { ca: readAuthority(authority) }),
        },
      }),
    },
    shown,
    offLoopback,
  };
}

function credentials(user: string, password: string): Pick<RedisOptions, 'username' | 'password'> {
  return {
    ...(user !== '' && { username: decoded(user, 'user') }),
    ...(password !== '' && { password: decoded(password, 'password') }),
  };
}

function database(text: string): Pick<RedisOptions, 'db'> {
  if (text === '') return {};
  if (!/^\d{1,5}$/.test(text)) {
    throw badInput(`Cannot read the Redis URL: its database is "${text}"; wanted a number, mostly 0`);
  }
  return { db: Number(text) };
}

function allowOnly(query: URLSearchParams, names: readonly string[]): void {
  for (const name of query.keys()) {
    if (!names.includes(name)) {
      throw badInput(
        `Cannot read the Redis URL: its option "${name}" is not known; wanted ${names.length === 0 ? 'none' : names.join(', ')}`,
      );
    }
  }
}

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw badInput(`Cannot read the certificate authority of the Redis URL: ${messageOf(error)}`);
  }
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badInput(
      `Cannot read the Redis URL: its ${part} is not percent-encoded; wanted "%" written as "%25"`,
    );
  }
}

function splitOnce(text: string): string[] {
  const colon = text.indexOf(':');
  return colon < 0 ? [text] : [text.slice(0, colon), text.slice(colon + 1)];
}
