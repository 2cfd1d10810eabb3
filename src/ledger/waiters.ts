import type { AuditError } from '../errors.js';

/** Somebody who waits for a record. An object, for a function each would cost more than waiting does. */
export interface Waiter {
  /** Called once: when the record is durable, or with the reason why it never will be. */
  settle(error?: AuditError): void;
}

/** Those who wait for records to become durable. */
export class Waiters {
  #waiters: Waiter[] = [];
  /** What each of them waits for; ascending. */
  #sequences: number[] = [];

  get isEmpty(): boolean {
    return this.#waiters.length === 0;
  }

  add(sequence: number, waiter: Waiter): void {
    // In order, so that a sync settles a head of the list; waiting a little longer does no harm.
    const last = this.#sequences.at(-1) ?? 0;
    this.#waiters.push(waiter);
    this.#sequences.push(Math.max(sequence, last));
  }

  forget(waiter: Waiter): void {
    const sequences = this.#sequences;
    this.#sequences = sequences.filter((_, index) => this.#waiters[index] !== waiter);
    this.#waiters = this.#waiters.filter((other) => other !== waiter);
  }

  /** Everything up to this record is durable. */
  settleUpTo(sequence: number): void {
    const waiters = this.#waiters;
    const sequences = this.#sequences;
    let count = 0;
    while (count < waiters.length && sequences[count]! <= sequence) count += 1;
    if (count === 0) return;
    this.#waiters = waiters.slice(count);
    this.#sequences = sequences.slice(count);
    for (let n = 0; n < count; n += 1) waiters[n]!.settle();
  }

  /** Nothing becomes durable any more. */
  fail(error: AuditError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#sequences = [];
    for (const waiter of waiters) waiter.settle(error);
  }
}
