import { actorStorage } from '../event/actor-storage.js';
import type { Actor, AuditEventInit } from '../event/event.js';

/**
 * Runs the function with an actor that every event gets which is made inside and names none, by
 * `createEvent`, `withAudit` and the interceptors, however deep, and after every `await`, timer and stream
 * that begins inside. An inner `auditActor` takes the place of the outer one; `undefined` stands for nobody.
 *
 * The actor is looked at when an event is made: one that cannot be recorded is left out, and `diag` told.
 * Whatever the function returns or throws is passed on as it is. A listener on an emitter that was made
 * before, such as a request, runs in the emitter's own context: wrap it with Node's `AsyncResource.bind`.
 *
 * @example
 * app.use((request, response, next) => auditActor({ name: request.user.name }, next));
 */
export function auditActor<T>(actor: AuditEventInit['actor'], fn: () => T): T {
  return actorStorage.run(actor, fn);
}

/** The actor of the innermost {@link auditActor} round here. */
export function currentActor(): Actor | undefined {
  return actorStorage.getStore() as Actor | undefined;
}
