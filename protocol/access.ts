/**
 * Who may reach what a role serves over HTTP. Everything listens on loopback unless it is told otherwise; whatever
 * listens elsewhere wants a token, and compares it in constant time. A token is never part of a message, a log or a URL.
 */

import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { badInput } from './failure.ts';

export const tokenVariable = 'STAMPEDE_TOKEN';
/** 128 bits in base64 or hexadecimal are 22 or 32 characters. */
export const leastTokenCharacters = 22;

export interface ListenAddress {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
}

/** `[HOST:]PORT`, IPv6 in brackets; without a host, loopback. @throws {Failure} exit status 2. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:(?:\[(?<ipv6>[^\]]+)\]|(?<host>[^:[\]]+)):)?(?<port>\d{1,5})$/.exec(text.trim());
  const port = Number(match?.groups?.port);
  const host = match?.groups?.ipv6 ?? match?.groups?.host ?? '127.0.0.1';
  const isAddress = isIP(host) !== 0 || host === 'localhost';
  if (match !== null && port <= 65_535 && isAddress) return { host, port };
  throw badInput(
    `Cannot listen on "${text}": wanted [ADDRESS:]PORT, like 9464, 0.0.0.0:9464 or [::1]:9464; without an address it is 127.0.0.1`,
  );
}

export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  if (!ipaddr.isValid(host)) return false;
  return ipaddr.process(host).range() === 'loopback';
}

/** Of the environment, which it is taken out of, so that no process started later inherits it; null: there is none. */
export function takeToken(environment: NodeJS.ProcessEnv): string | null {
  const token = environment[tokenVariable];
  delete environment[tokenVariable];
  if (token === undefined || token === '') return null;
  if (token.length < leastTokenCharacters || !/^[\x21-\x7e]+$/.test(token))
    throw badInput(
      `Cannot use ${tokenVariable}: it has ${token.length} characters; wanted at least ${leastTokenCharacters}, printable and ` +
        'without spaces, like that of: openssl rand -hex 16',
    );
  return token;
}

/** @throws {Failure} exit status 2: off loopback, and no token. */
export function requireToken(what: string, { host }: ListenAddress, token: string | null): void {
  if (isLoopback(host) || token !== null) return;
  throw badInput(
    `Cannot serve ${what} on ${host}: that is not loopback and there is no token; wanted one in ${tokenVariable} ` +
      '(openssl rand -hex 16), or an address of this machine alone',
  );
}

/** Takes the same time wherever they differ, and whatever their lengths. */
export function tokenMatches(expected: string, given: string): boolean {
  return timingSafeEqual(digest(expected), digest(given));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
