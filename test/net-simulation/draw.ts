/** Choices of a random scenario, all from one stream of random numbers. */

export class Draw {
  readonly fraction: () => number;

  constructor(random: () => number) {
    this.fraction = random;
  }

  /** 0 … limit-1. */
  upTo(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  oneOf<Item>(items: readonly Item[]): Item {
    return items[this.upTo(items.length)]!;
  }
}
