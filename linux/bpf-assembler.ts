/**
 * BPF instructions, by hand: one function an instruction, labels for forward jumps, bytes out (RFC 9669). As many as
 * programs of ours use, and no checks but the ones that would be silent mistakes; the kernel's verifier does the rest.
 */

/** r0 result, r1-r5 arguments (lost in a call), r6-r9 kept, r10 the stack's upper end. */
export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;
export type Width = 8 | 16 | 32 | 64;

const widthBits: Readonly<Record<Width, number>> = { 32: 0x00, 16: 0x08, 8: 0x10, 64: 0x18 };
const LDX_MEM = 0x61;
const STX_MEM = 0x63;
const operations = {
  add: 0x00,
  multiply: 0x20,
  or: 0x40,
  and: 0x50,
  shiftLeft: 0x60,
  shiftRight: 0x70,
  xor: 0xa0,
  move: 0xb0,
};
export type Operation = keyof typeof operations;
const PSEUDO_MAP = 1;
const PSEUDO_MAP_VALUE = 2;

interface Instruction {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number | string;
  readonly immediate: number;
}

export class BpfAssembler {
  readonly #instructions: Instruction[] = [];
  readonly #labels = new Map<string, number>();

  /** to = *(from + offset), zero-extended. */
  load(width: Width, to: Register, from: Register, offset: number): this {
    return this.#add(LDX_MEM | widthBits[width], to, from, offset, 0);
  }

  /** *(to + offset) = from. */
  store(width: Width, to: Register, offset: number, from: Register): this {
    return this.#add(STX_MEM | widthBits[width], to, from, offset, 0);
  }

  /** to = to OPERATION from, 64 bits. */
  register(operation: Operation, to: Register, from: Register): this {
    return this.#add(0x0f | operations[operation], to, from, 0, 0);
  }

  /** to = to OPERATION from, low 32 bits; the upper ones become 0. */
  register32(operation: Operation, to: Register, from: Register): this {
    return this.#add(0x0c | operations[operation], to, from, 0, 0);
  }

  /** to = to OPERATION value (sign-extended from 32 bits), 64 bits. */
  immediate(operation: Operation, to: Register, value: number): this {
    return this.#add(0x07 | operations[operation], to, 0, 0, value);
  }

  immediate32(operation: Operation, to: Register, value: number): this {
    return this.#add(0x04 | operations[operation], to, 0, 0, value);
  }

  /** to = address of byte 0 of the value of a map with one entry. */
  mapValue(to: Register, map: number): this {
    this.#add(0x18, to, PSEUDO_MAP_VALUE, 0, map);
    return this.#add(0, 0, 0, 0, 0);
  }

  /** to = the map of a descriptor: what helpers take. */
  mapReference(to: Register, map: number): this {
    this.#add(0x18, to, PSEUDO_MAP, 0, map);
    return this.#add(0, 0, 0, 0, 0);
  }

  /** Calls a helper of the kernel by its number (enum bpf_func_id). */
  call(helper: number): this {
    return this.#add(0x85, 0, 0, 0, helper);
  }

  jumpIfNotEqual(register: Register, value: number, label: string): this {
    return this.#add(0x55, register, 0, label, value);
  }

  jumpIfEqual(register: Register, value: number, label: string): this {
    return this.#add(0x15, register, 0, label, value);
  }

  /** Compares the low 32 bits: the one way to compare with a value of 2^31 or more. */
  jumpIfNotEqual32(register: Register, value: number, label: string): this {
    return this.#add(0x56, register, 0, label, value);
  }

  /** Unsigned. */
  jumpIfLess(register: Register, value: number, label: string): this {
    return this.#add(0xa5, register, 0, label, value);
  }

  /** Unsigned. */
  jumpIfAbove(register: Register, value: number, label: string): this {
    return this.#add(0x25, register, 0, label, value);
  }

  /** Unsigned, both whole registers: how a packet's end is checked. */
  jumpIfGreater(register: Register, than: Register, label: string): this {
    return this.#add(0x2d, register, than, label, 0);
  }

  /** Marks the next instruction. */
  label(name: string): this {
    this.#labels.set(name, this.#instructions.length);
    return this;
  }

  exit(): this {
    return this.#add(0x95, 0, 0, 0, 0);
  }

  /** @throws when a label that is jumped to is nowhere. */
  assemble(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#instructions.length * 8);
    const view = new DataView(bytes.buffer);
    this.#instructions.forEach(({ code, destination, source, offset, immediate }, index) => {
      view.setUint8(index * 8, code);
      view.setUint8(index * 8 + 1, destination | (source << 4));
      view.setInt16(index * 8 + 2, typeof offset === 'number' ? offset : this.#distance(offset, index), true);
      view.setInt32(index * 8 + 4, immediate | 0, true);
    });
    return bytes;
  }

  #distance(label: string, from: number): number {
    const to = this.#labels.get(label);
    if (to === undefined) throw new Error(`Cannot assemble a BPF program: no label "${label}"`);
    return to - from - 1;
  }

  #add(code: number, destination: number, source: number, offset: number | string, immediate: number): this {
    this.#instructions.push({ code, destination, source, offset, immediate });
    return this;
  }
}
