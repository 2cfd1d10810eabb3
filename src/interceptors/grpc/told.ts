import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor } from '../../event/event.js';

/** What a service tells of a call for its audit; any further members are yours. */
export interface Told {
  /** Who it is; used where the interceptor has no `actor` of its own. */
  readonly actor?: Actor | (Actor & { readonly [key: string]: unknown }) | undefined;
  /** The record that a call deleted, as it was. */
  readonly deleted?: unknown;
  readonly [name: string]: unknown;
}

/** Registered, so that the ESM and the CommonJS copy of the package share one call. */
const STORAGE = Symbol.for('otel-audit.grpc-told');

type Storage = AsyncLocalStorage<Record<string, unknown>>;

/**
 * Tells the audit of the call that is being handled something that neither request nor response says,
 * such as the record that is about to be deleted, or who the caller is. Everything told is in `call.told`
 * of the interceptor's functions; what is told twice counts as told last.
 *
 * To be called by the handler, or by an interceptor after {@link auditGrpc}'s, also after an `await`. Does
 * nothing outside of an audited call, so that code need not know whether it is audited.
 *
 * @example
 * async deleteRule({ request }: Call<DeleteRuleRequest>) {
 *   tellAudit({ deleted: await rules.get(request.id) });
 *   await rules.delete(request.id);
 * }
 */
export function tellAudit(told: Told): void {
  const call = (globalThis as { [STORAGE]?: Storage })[STORAGE]?.getStore();
  if (call !== undefined) Object.assign(call, told);
}

/** Where what is told of a call is kept. Without a prototype, so that any name is only a name. */
export function newTold(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

export function toldStorage(): Storage {
  const holder = globalThis as { [STORAGE]?: Storage };
  holder[STORAGE] ??= new AsyncLocalStorage();
  return holder[STORAGE];
}
