import { type Actor, type AuditEvent, createEvent } from '../event/event.js';

/** What is acted upon, or what that belongs to. */
export type FliptResource = 'namespace' | 'flag' | 'segment' | 'authentication';

/** What is acted upon, where the resource does not say it. */
export type FliptSubject =
  | 'constraint'
  | 'distribution'
  | 'flag'
  | 'namespace'
  | 'rollout'
  | 'rule'
  | 'segment'
  | 'token'
  | 'variant';

/** A request as Flipt describes it for its audit. */
export interface FliptRequest {
  /** Default: `default`. It is no part of the event. */
  readonly namespace?: string | undefined;
  readonly resource: FliptResource;
  /** Default, also for an empty one: the resource. */
  readonly subject?: FliptSubject | '' | undefined;
  readonly action: 'create' | 'update' | 'delete' | 'read';
  /** Default: `success`. */
  readonly status?: 'success' | 'denied' | undefined;
}

const DONE: ReadonlyMap<string, string> = new Map([
  ['create', 'created'],
  ['update', 'updated'],
  ['delete', 'deleted'],
]);

/**
 * Makes the event of a request, as Flipt's `NewEvent` does: `create`, `update` and `delete` become
 * `created`, `updated` and `deleted`, any other action `read`.
 *
 * @throws {AuditError} `invalid-event`, naming the field
 * @example
 * eventFromRequest({ resource: 'flag', subject: 'variant', action: 'create' }, actor, variantPayload(made));
 */
export function eventFromRequest<Payload = unknown>(
  request: FliptRequest,
  actor?: Actor | undefined,
  payload?: Payload | undefined,
): AuditEvent<Payload> {
  const { resource, subject, action, status } = request;
  return createEvent({
    type: subject || resource,
    action: DONE.get(action) ?? 'read',
    status,
    actor,
    payload,
  });
}
