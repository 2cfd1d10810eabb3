/**
 * What a lane awaits from outside: a sink, a disk. Either may hang. Once the lane has given them up,
 * nothing that still comes of it is heard, so it moves nothing.
 */
export class Outside {
  #isGivenUp = false;

  /** Settles as the work does, or never. */
  async hear<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      if (this.#isGivenUp) await new Promise(() => {}); // one of its own, or all would pile up at it
    }
  }

  giveUp(): void {
    this.#isGivenUp = true;
  }
}
