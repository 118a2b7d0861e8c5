/** Frames of one memory that are free: a stack of their offsets, so that the one used last, still in the cache, is next. */

export class FramePool {
  readonly memory: Uint8Array<ArrayBuffer>;
  /** Bytes of each frame. */
  readonly frameRoom: number;
  readonly #free: Int32Array;
  #count: number;

  constructor(frames: number, frameRoom: number) {
    this.memory = new Uint8Array(frames * frameRoom);
    this.frameRoom = frameRoom;
    this.#free = Int32Array.from({ length: frames }, (_, index) => (frames - 1 - index) * frameRoom);
    this.#count = frames;
  }

  /** Frames that nobody has. */
  get free(): number {
    return this.#count;
  }

  /** @returns its offset; -1: all are in use. */
  take(): number {
    return this.#count === 0 ? -1 : this.#free[--this.#count];
  }

  give(at: number): void {
    this.#free[this.#count++] = at;
  }
}
