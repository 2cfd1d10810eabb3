import type { Lane } from '../delivery/lane.js';
import { AuditError } from '../errors.js';

/** Which records somebody waits for. */
interface Concern {
  /** The newest of them. */
  readonly last: number;
  includes(sequence: number): boolean;
}

/** Somebody who waits until some records are with every sink. */
interface Wait {
  readonly concern: Concern;
  /** The lanes that are not past the last record yet. */
  readonly behind: Set<Lane>;
  readonly errors: Error[];
  readonly settle: (error?: Error) => void;
}

/** So many errors of one wait, and so many records that never reached a sink, are remembered. */
const MAX_ERRORS = 16;
const MAX_FAILURES = 1000;

/** Knows who waits for deliveries, and tells them what became of their records. */
export class Deliveries {
  readonly #lanes: readonly Lane[];
  readonly #waits = new Set<Wait>();
  /** The newest records that will never be with some sink, for whoever sends one of them again. */
  readonly #failures = new Map<number, Error>();
  #ended: Error | undefined;

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes;
  }

  /**
   * Calls back once every sink has these records, or its checker turned them away; with an error when
   * one of them became a dead letter or was given up. Returns what ends the wait without a call.
   */
  waitFor(sequences: readonly number[], settle: (error?: Error) => void): () => void {
    const concern = only(sequences);
    const errors: Error[] = [];
    for (const [sequence, error] of this.#failures) {
      if (concern.includes(sequence)) note(errors, error);
    }
    return this.#wait({ concern, errors, settle, behind: new Set(this.#lanes) });
  }

  /** The same for everything up to a record; failures of the past are no longer news. */
  waitUpTo(last: number, settle: (error?: Error) => void): () => void {
    return this.#wait({ concern: upTo(last), errors: [], settle, behind: new Set(this.#lanes) });
  }

  /** The names of the sinks that do not have everything up to a record. */
  behind(last: number): string[] {
    const concern = upTo(last);
    return this.#lanes.filter((lane) => isBehind(lane, concern)).map(({ name }) => name);
  }

  /** To be called whenever a lane got on. */
  progressed(lane: Lane): void {
    for (const wait of this.#waits) {
      if (isBehind(lane, wait.concern) || !wait.behind.delete(lane)) continue;
      if (wait.behind.size === 0) this.#settle(wait);
    }
  }

  /** To be called when a record will never be with a sink; before the lane gets past it. */
  failed(sequence: number, error: Error): void {
    this.#failures.set(sequence, error);
    if (this.#failures.size > MAX_FAILURES) {
      const [oldest] = this.#failures.keys();
      this.#failures.delete(oldest!);
    }
    for (const { concern, errors } of this.#waits) {
      if (concern.includes(sequence)) note(errors, error);
    }
  }

  /** The lanes have stopped: whoever still waits, or comes to wait, waits in vain. */
  end(reason: Error): void {
    this.#ended = reason;
    for (const wait of [...this.#waits]) this.#settle(wait, reason);
  }

  #wait(wait: Wait): () => void {
    this.#waits.add(wait);
    for (const lane of this.#lanes) {
      lane.hurry(wait.concern.last);
      if (!isBehind(lane, wait.concern)) wait.behind.delete(lane);
    }
    if (wait.behind.size === 0) this.#settle(wait);
    else if (this.#ended !== undefined) this.#settle(wait, this.#ended);
    return () => {
      this.#waits.delete(wait);
    };
  }

  #settle(wait: Wait, reason?: Error): void {
    if (!this.#waits.delete(wait)) return;
    wait.settle(wait.errors.length > 0 ? joinErrors(wait.errors) : reason);
  }
}

function upTo(last: number): Concern {
  return { last, includes: (sequence) => sequence <= last };
}

function only(sequences: readonly number[]): Concern {
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const sequence of sequences) {
    if (sequence < first) first = sequence;
    if (sequence > last) last = sequence;
  }
  return {
    last,
    includes: (sequence) => sequence >= first && sequence <= last && sequences.includes(sequence),
  };
}

function isBehind(lane: Lane, { last, includes }: Concern): boolean {
  return lane.settled < last || lane.waiting.some(includes);
}

function note(errors: Error[], error: Error): void {
  if (errors.length < MAX_ERRORS && !errors.includes(error)) errors.push(error);
}

/** One error as it is, several as one that names them, with their code where they have one in common. */
export function joinErrors(errors: readonly Error[]): Error {
  if (errors.length === 1) return errors[0]!;
  const message = errors
    .slice(0, MAX_ERRORS)
    .map((error) => error.message)
    .join('; ');
  const codes = errors.map((error) => (error instanceof AuditError ? error.code : 'sink-failed'));
  const [code = 'sink-failed'] = codes;
  const common = codes.every((each) => each === code) ? code : 'sink-failed';
  return new AuditError(common, message, { cause: new AggregateError(errors, message) });
}
