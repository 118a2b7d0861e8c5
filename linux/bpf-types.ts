/**
 * Where members are in the running kernel's structures, from its own type information (BTF,
 * /sys/kernel/btf/vmlinux; Documentation/bpf/btf.rst). It reads structures and unions, nothing else.
 */

import { readFileSync } from 'node:fs';

const vmlinux = '/sys/kernel/btf/vmlinux';
const magic = 0xeb9f;
const STRUCT = 4;
const UNION = 5;
/** Bytes after the 12 that every type has, a kind: fixed ones, and ones for each of its `vlen` parts. */
const extraBytes: Readonly<Record<number, { readonly fixed: number; readonly each: number }>> = {
  1: { fixed: 4, each: 0 },
  3: { fixed: 12, each: 0 },
  4: { fixed: 0, each: 12 },
  5: { fixed: 0, each: 12 },
  6: { fixed: 0, each: 8 },
  13: { fixed: 0, each: 8 },
  14: { fixed: 4, each: 0 },
  15: { fixed: 0, each: 12 },
  17: { fixed: 4, each: 0 },
  19: { fixed: 0, each: 12 },
};

/**
 * Offsets in bytes of members of a kernel structure, those of its anonymous parts included.
 * @throws when the kernel tells no types, has no such structure, or not all of the members.
 */
export function kernelMemberOffsets<Member extends string>(
  structure: string,
  members: readonly Member[],
): Readonly<Record<Member, number>> {
  return memberOffsets(readFileSync(vmlinux), structure, members);
}

/** Exported for tests: as kernelMemberOffsets, of BTF given as bytes. */
export function memberOffsets<Member extends string>(
  btf: Uint8Array,
  structure: string,
  members: readonly Member[],
): Readonly<Record<Member, number>> {
  const types = new TypeReader(btf);
  const found = new Map<string, number>();
  const start = types.structure(structure);
  if (start !== null) types.collect(start, 0, found);
  const missing = members.filter((member) => !found.has(member));
  if (missing.length > 0)
    throw new Error(
      `Cannot find ${missing.join(', ')} in struct ${structure}: this kernel has no such members`,
    );
  return Object.fromEntries(members.map((member) => [member, found.get(member)])) as Record<Member, number>;
}

class TypeReader {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  readonly #stringsAt: number;
  /** Where each type starts, by its number. */
  readonly #starts: number[] = [0];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (bytes.byteLength < 24 || this.#view.getUint16(0, true) !== magic)
      throw new Error('Cannot read BTF: it does not begin with its magic number');
    const headerBytes = this.#view.getUint32(4, true);
    const typesAt = headerBytes + this.#view.getUint32(8, true);
    const typesEnd = typesAt + this.#view.getUint32(12, true);
    this.#stringsAt = headerBytes + this.#view.getUint32(16, true);
    for (let at = typesAt; at < typesEnd; ) {
      this.#starts.push(at);
      const extra = extraBytes[this.#kind(at)];
      at += 12 + (extra === undefined ? 0 : extra.fixed + extra.each * this.#parts(at));
    }
  }

  /** Where a structure's definition starts; null: there is none of that name. */
  structure(name: string): number | null {
    const wanted = new TextEncoder().encode(`${name}\0`);
    for (let id = 1; id < this.#starts.length; id++) {
      const at = this.#starts[id] as number;
      if (this.#kind(at) === STRUCT && this.#isNamed(this.#view.getUint32(at, true), wanted)) return at;
    }
    return null;
  }

  /** Adds the members of the structure or union at `at`, which itself is `baseBits` into what was asked for. */
  collect(at: number, baseBits: number, found: Map<string, number>): void {
    const bitFields = this.#view.getUint32(at + 4, true) >>> 31 === 1;
    for (let part = 0; part < this.#parts(at); part++) {
      const member = at + 12 + part * 12;
      const place = this.#view.getUint32(member + 8, true);
      const bits = baseBits + (bitFields ? place & 0xff_ffff : place);
      const name = this.#string(this.#view.getUint32(member, true));
      if (name !== '') {
        found.set(name, bits / 8);
        continue;
      }
      const inner = this.#starts[this.#view.getUint32(member + 4, true)] as number;
      if (this.#kind(inner) === STRUCT || this.#kind(inner) === UNION) this.collect(inner, bits, found);
    }
  }

  #kind(at: number): number {
    return (this.#view.getUint32(at + 4, true) >>> 24) & 0x1f;
  }

  #parts(at: number): number {
    return this.#view.getUint16(at + 4, true);
  }

  #isNamed(name: number, wanted: Uint8Array): boolean {
    const at = this.#stringsAt + name;
    for (let index = 0; index < wanted.length; index++)
      if (this.#bytes[at + index] !== wanted[index]) return false;
    return true;
  }

  #string(name: number): string {
    const at = this.#stringsAt + name;
    return new TextDecoder().decode(this.#bytes.subarray(at, this.#bytes.indexOf(0, at)));
  }
}
