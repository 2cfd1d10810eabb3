import { AsyncLocalStorage } from 'node:async_hooks';

const STORAGE = Symbol.for('otel-audit.actor-storage');

// Registered, so that the ESM and the CommonJS copy of the package, and two versions of it, carry one actor.
const scope = globalThis as { [STORAGE]?: AsyncLocalStorage<unknown> };
scope[STORAGE] ??= new AsyncLocalStorage();

/** Carries an actor, plain data that nobody has looked at yet, through async context. */
export const actorStorage = scope[STORAGE];
