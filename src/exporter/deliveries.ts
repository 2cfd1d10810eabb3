import type { Lane } from '../delivery/lane.js';
import { AuditError } from '../errors.js';

/** Somebody who waits until some records are with every sink. */
interface Wait {
  readonly first: number;
  readonly last: number;
  /** The lanes that are not past the last record yet. */
  readonly behind: Set<Lane>;
  readonly errors: Error[];
  readonly settle: () => void;
}

/** Knows who waits for deliveries, and tells them what became of their records. */
export class Deliveries {
  readonly #lanes: readonly Lane[];
  readonly #waits = new Set<Wait>();

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  /**
   * Resolves once every sink has the records, or its checker turned them away.
   *
   * @throws {AuditError} when one of them became a dead letter or was given up
   */
  wait(first: number, last: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        first,
        last,
        behind: new Set(this.#lanes),
        errors: [],
        settle: () => {
          this.#waits.delete(wait);
          if (wait.errors.length === 0) resolve();
          else reject(joinErrors(wait.errors));
        },
      };
      signal?.addEventListener('abort', () => {
        if (this.#waits.delete(wait)) reject(signal.reason);
      });
      this.#waits.add(wait);
      for (const lane of this.#lanes) {
        lane.hurry(last);
        this.#check(wait, lane);
      }
      if (wait.behind.size === 0) wait.settle();
    });
  }

  /** The names of the sinks that a wait up to this record would wait for. */
  behind(upTo: number): string[] {
    return this.#lanes.filter((lane) => isBehind(lane, 1, upTo)).map(({ name }) => name);
  }

  /** To be called whenever a lane got on. */
  progressed(lane: Lane): void {
    for (const wait of this.#waits) this.#check(wait, lane);
  }

  /** To be called when a record will never be with a sink; before the lane gets past it. */
  failed(sequence: number, error: Error): void {
    for (const { first, last, errors } of this.#waits) {
      if (first <= sequence && sequence <= last && !errors.includes(error)) errors.push(error);
    }
  }

  #check(wait: Wait, lane: Lane): void {
    if (isBehind(lane, wait.first, wait.last) || !wait.behind.delete(lane)) return;
    if (wait.behind.size === 0) wait.settle();
  }
}

function isBehind(lane: Lane, first: number, last: number): boolean {
  if (lane.settled < last) return true;
  return lane.waiting.some((sequence) => first <= sequence && sequence <= last);
}

/** One error as it is, several as one that names them all. */
export function joinErrors(errors: readonly Error[]): Error {
  if (errors.length === 1) return errors[0]!;
  const message = errors.map((error) => error.message).join('; ');
  return new AuditError('sink-failed', message, { cause: new AggregateError(errors, message) });
}
