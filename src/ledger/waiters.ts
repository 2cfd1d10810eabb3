import type { AuditError } from '../errors.js';

/** Called once: when the record is durable, or with the reason why it never will be. */
export type Settle = (error?: AuditError) => void;

interface Waiter {
  readonly sequence: number;
  readonly settle: Settle;
}

/** Those who wait for records to become durable. */
export class Waiters {
  #list: Waiter[] = [];

  get isEmpty(): boolean {
    return this.#list.length === 0;
  }

  add(sequence: number, settle: Settle): void {
    // In order, so that a sync settles a head of the list; waiting a little longer does no harm.
    const last = this.#list.at(-1)?.sequence ?? 0;
    this.#list.push({ sequence: Math.max(sequence, last), settle });
  }

  forget(settle: Settle): void {
    this.#list = this.#list.filter((waiter) => waiter.settle !== settle);
  }

  /** Everything up to this record is durable. */
  settleUpTo(sequence: number): void {
    const waiters = this.#list;
    let count = 0;
    while (count < waiters.length && waiters[count]!.sequence <= sequence) count += 1;
    if (count === 0) return;
    this.#list = waiters.slice(count);
    for (let n = 0; n < count; n += 1) waiters[n]!.settle();
  }

  /** Nothing becomes durable any more. */
  fail(error: AuditError): void {
    const waiters = this.#list;
    this.#list = [];
    for (const { settle } of waiters) settle(error);
  }
}
