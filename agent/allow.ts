/**
 * Which addresses an agent may send load to: those it was started to allow, and no other, whatever an order says.
 *
 * Addresses are compared in their canonical form: an IPv4 address written as IPv6 (::ffff:a.b.c.d) is that IPv4 address,
 * and shorthand that only some parsers understand (127.1, 0x7f.0.0.1, 0177.0.0.1) is refused, not interpreted.
 */

import ipaddr from 'ipaddr.js';
import { badInput } from '../protocol/failure.ts';

/** Without a word at the start, an agent floods its own machine only. */
export const defaultAllow: readonly string[] = ['127.0.0.0/8', '::1/128'];

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [network: Address, prefixLength: number];

export class Allowance {
  /** Canonical CIDRs, as written into the agent's member record. */
  readonly networks: readonly string[];
  readonly #networks: readonly Network[];

  /** @throws {Failure} (exit status 2) when one of `cidrs` is neither an address nor a network. */
  constructor(cidrs: readonly string[]) {
    this.#networks = cidrs.map(parseNetwork);
    this.networks = this.#networks.map(([network, length]) => `${network.toString()}/${length}`);
  }

  allows(address: string): boolean {
    const parsed = parseAddress(address);
    return (
      parsed !== null &&
      this.#networks.some(
        ([network, length]) => network.kind() === parsed.kind() && parsed.match(network as never, length),
      )
    );
  }

  /** Why an order to flood `addresses` has to be refused; null when it is allowed. */
  refusalOf(addresses: readonly string[]): string | null {
    const refused = addresses.filter((address) => !this.allows(address));
    if (refused.length === 0) return null;
    const shown = refused.slice(0, 5).join(', ') + (refused.length > 5 ? ' and others' : '');
    return (
      `Cannot send load to ${shown}: this agent was started to allow ${this.networks.join(', ')} only; ` +
      'wanted a target in there. If that target is yours to flood, start the agent with --allow.'
    );
  }
}

/** Null when `text` is not a whole, plain address. */
export function parseAddress(text: string): Address | null {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  if (!text.includes(':') || text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function parseNetwork(text: string): Network {
  const [addressText = '', lengthText, ...rest] = text.trim().split('/');
  const address = parseAddress(addressText);
  if (address === null || rest.length > 0) throw notANetwork(text, 'it is not an address');
  const bits = address.kind() === 'ipv4' ? 32 : 128;
  if (lengthText === undefined) return [address, bits];
  // ::ffff:10.0.0.0/104 has become 10.0.0.0, so its prefix is 96 bits shorter.
  const mapped = addressText.includes(':') && bits === 32;
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) - (mapped ? 96 : 0) : -1;
  if (length < 0 || length > bits) throw notANetwork(text, `its prefix length is not 0 to ${bits}`);
  return [networkOf(address, length), length];
}

function networkOf(address: Address, length: number): Address {
  const cidr = `${address.toString()}/${length}`;
  return address.kind() === 'ipv4'
    ? ipaddr.IPv4.networkAddressFromCIDR(cidr)
    : ipaddr.IPv6.networkAddressFromCIDR(cidr);
}

function notANetwork(text: string, why: string): Error {
  return badInput(
    `Cannot allow "${text}": ${why}; wanted a network like 198.18.0.0/15, 192.0.2.7 or fd00:1::/64`,
  );
}
