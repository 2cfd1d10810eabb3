/**
 * What a lane awaits from outside: a sink, a disk. Either may hang. Once the lane has given them up,
 * nothing that still comes of it is heard, so it moves nothing.
 */
export class Outside {
  #isGivenUp = false;

  /** Settles as the work does, or never. */
  hear<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      work.then(
        (value) => {
          if (!this.#isGivenUp) resolve(value);
        },
        (thrown: unknown) => {
          if (!this.#isGivenUp) reject(thrown);
        },
      );
    });
  }

  giveUp(): void {
    this.#isGivenUp = true;
  }
}
