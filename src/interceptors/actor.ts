import { AsyncLocalStorage } from 'node:async_hooks';
import type { Actor, AuditEventInit } from '../event/event.js';

/**
 * Registered, so that the ESM and the CommonJS copy of the package, and two versions of it, carry one
 * actor. What is stored is the actor itself, plain data.
 */
const STORAGE = Symbol.for('otel-audit.actor-storage');

interface Holder {
  [STORAGE]?: AsyncLocalStorage<Actor | undefined>;
}

/**
 * Runs the function with an actor that every event gets which is recorded inside and names none: by
 * `withAudit` and the interceptors, however deep, and after every `await`, timer and stream that begins
 * inside. An inner `auditActor` takes the place of the outer one; `undefined` stands for nobody.
 *
 * The actor is not looked at here, and whatever the function returns or throws is passed on as it is.
 * A listener on an emitter that was made before, such as a request, runs in the emitter's own context:
 * wrap it with Node's `AsyncResource.bind`.
 *
 * @example
 * app.use((request, response, next) => auditActor({ name: request.user.name }, next));
 */
export function auditActor<T>(actor: AuditEventInit['actor'], fn: () => T): T {
  return storage().run(actor, fn);
}

/** The actor of the innermost {@link auditActor} round here. */
export function currentActor(): Actor | undefined {
  return (globalThis as Holder)[STORAGE]?.getStore();
}

function storage(): AsyncLocalStorage<Actor | undefined> {
  const holder = globalThis as Holder;
  holder[STORAGE] ??= new AsyncLocalStorage();
  return holder[STORAGE];
}
