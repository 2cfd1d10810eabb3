import { isSpanContextValid, type Span, trace } from '@opentelemetry/api';
import { Burst } from '../burst.js';
import type { EventPairChecker } from '../checker.js';
import { systemClock } from '../clock.js';
import { complain } from '../diagnostics.js';
import { AuditError } from '../errors.js';
import { asRecorded } from '../event/attributes.js';
import { type AuditEvent, type AuditEventInit, createEvent } from '../event/event.js';
import { addEventToSpan, isRecorded } from '../event/span.js';
import { countUnrecorded } from '../event/unrecorded.js';
import type { AuditReceipt } from '../receipt.js';
import { auditActor } from './actor.js';

/** What takes events without a span; a `SinkSpanExporter` is one. */
export interface AuditSender {
  sendAudits(
    events: readonly AuditEvent[],
    options?: { readonly until?: 'durable'; readonly timeoutMs?: number },
  ): Promise<readonly (AuditReceipt | null)[]>;
}

/** How an interceptor records; the same options for all of them. */
export interface RecordOptions {
  /**
   * Asked before an event is made, so that one that will not pass costs nothing. Default: every event
   * passes here, and the exporter's own checker decides.
   */
  readonly checker?: EventPairChecker | undefined;
  /** Takes events where no span records them, and all of them with `durable`: your exporter. */
  readonly sender?: AuditSender | undefined;
  /**
   * Whether the result waits until its events are in the ledger, and fails when they cannot be. Needs
   * `sender`. Default: false.
   */
  readonly durable?: boolean | undefined;
  /** Milliseconds to wait with `durable`. Default: the sender's, 30 000. */
  readonly timeoutMs?: number | undefined;
}

/** Events to record, or the function that makes them; undefined for none. */
export type AuditInits =
  | readonly AuditEventInit[]
  | (() => AuditEventInit | readonly AuditEventInit[] | undefined);

const MAX_TIMEOUT_MS = 2 ** 31 - 1; // setTimeout's bound

/**
 * Checks the options when an interceptor is made.
 *
 * @throws {AuditError} `invalid-option`, naming the interceptor and the option
 */
export function checkRecordOptions(where: string, options: RecordOptions): void {
  const { checker, sender, durable, timeoutMs } = options;
  const refuse = (fault: string) => new AuditError('invalid-option', `${where}: ${fault}`);
  if (checker !== undefined && typeof checker?.check !== 'function') {
    throw refuse('checker must be a checker, an object with check(pair)');
  }
  if (sender !== undefined && typeof sender?.sendAudits !== 'function') {
    throw refuse('sender must have a method sendAudits; a SinkSpanExporter does');
  }
  if (durable !== undefined && typeof durable !== 'boolean') {
    throw refuse('durable must be true or false');
  }
  if (durable === true && sender === undefined) {
    throw refuse('durable needs a sender, such as your SinkSpanExporter');
  }
  if (timeoutMs === undefined) return;
  if (typeof timeoutMs !== 'number' || !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw refuse(
      `timeoutMs must be a number above 0, at most ${MAX_TIMEOUT_MS}, not ${String(timeoutMs)}`,
    );
  }
}

/**
 * Records what an interceptor saw. The checker is asked first; an event without an actor gets
 * that of the innermost `auditActor`.
 *
 * Without `durable` the events go onto the span, by default the active one; where no span records them,
 * to the sender, if there is one, which nobody awaits. Never throws then: an actor or a payload that
 * cannot be recorded is left out, an event that cannot be made is none, and `diag` hears of either once
 * a burst.
 *
 * With `durable` they go to the sender alone, with the span's ids, and the promise resolves once they
 * are in the ledger. It rejects with what made that impossible: what `sendAudits` rejects with, what a
 * checker or the function `inits` threw, or `invalid-event`; then none of them was sent.
 */
export function recordAudits(
  inits: AuditInits,
  options: RecordOptions & { readonly durable: true },
  span?: Span,
): Promise<void>;
export function recordAudits(
  inits: AuditInits,
  options: RecordOptions,
  span?: Span,
): void | Promise<void>;
export function recordAudits(
  inits: AuditInits,
  options: RecordOptions,
  span?: Span,
): void | Promise<void> {
  if (options.durable === true) return recordDurably(inits, options, span);
  try {
    hand(eventsOf(inits, options), options, span);
  } catch (error) {
    tellLost('audit events were not recorded', error);
  }
}

async function recordDurably(
  inits: AuditInits,
  options: RecordOptions,
  span = trace.getActiveSpan(),
): Promise<void> {
  const events: AuditEvent[] = [];
  for (const init of listOf(inits)) {
    if (options.checker?.check(`${init?.type}:${init?.action}`) === false) continue;
    events.push(inSpan(createEvent(init), span));
  }
  if (events.length === 0) return;
  const { sender, timeoutMs } = options;
  if (sender === undefined) throw new AuditError('invalid-option', 'durable needs a sender');
  await sender.sendAudits(events, {
    until: 'durable',
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
}

/**
 * The first half of {@link recordAudits} without `durable`: makes the events at once, so that what is recorded
 * is what was there. Never throws.
 */
export function makeAudits(inits: AuditInits, options: RecordOptions): readonly AuditEvent[] {
  try {
    return eventsOf(inits, options);
  } catch (error) {
    tellLost('audit events were not recorded', error);
    return [];
  }
}

/** The second half, which may come a little later, and then needs the span. Never throws. */
export function handAudits(
  events: readonly AuditEvent[],
  options: RecordOptions,
  span: Span | undefined,
): void {
  try {
    hand(events, options, span);
  } catch (error) {
    tellLost('audit events were not recorded', error);
  }
}

function eventsOf(inits: AuditInits, options: RecordOptions): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  for (const init of listOf(inits)) {
    const event = eventOf(init, options);
    if (event !== undefined) events.push(event);
  }
  return events;
}

function hand(
  events: readonly AuditEvent[],
  { sender }: RecordOptions,
  span = trace.getActiveSpan(),
): void {
  const unrecorded: AuditEvent[] = [];
  for (const event of events) {
    if (sender === undefined || isRecorded(span)) addEventToSpan(event, span);
    else unrecorded.push(inSpan(event, span));
  }
  if (sender === undefined || unrecorded.length === 0) return;
  try {
    sender.sendAudits(unrecorded).then(undefined, tellNotSent);
  } catch (error) {
    tellNotSent(error);
  }
}

function tellNotSent(error: unknown): void {
  tellFault('audit events were not taken by the sender', error);
}

function listOf(inits: AuditInits): readonly AuditEventInit[] {
  const made = typeof inits === 'function' ? inits() : inits;
  if (made === undefined || made === null) return [];
  return isList(made) ? made : [made];
}

function isList(value: unknown): value is readonly AuditEventInit[] {
  return Array.isArray(value);
}

/**
 * Whether the checker lets an event pass, so that one may save the making of it. Never throws: like the
 * exporter's, a checker that fails turns nothing away; {@link recordAudits} asks again.
 */
export function isWanted(type: string, action: string, { checker }: RecordOptions): boolean {
  try {
    return checker === undefined || checker.check(`${type}:${action}`);
  } catch (error) {
    tellFault('the checker of an interceptor failed, so the event is recorded', error);
    return true;
  }
}

/** Undefined where the checker turns it away, and where there is none to be made. */
function eventOf(init: AuditEventInit, options: RecordOptions): AuditEvent | undefined {
  if (typeof init !== 'object' || init === null) {
    tellLost('an audit event was not made', new AuditError('invalid-event', 'it is no object'));
    return undefined;
  }
  return isWanted(init.type, init.action, options) ? makeEvent(init) : undefined;
}

/** The event as whole as it can be made; undefined where there is none to be made. */
function makeEvent(init: AuditEventInit): AuditEvent | undefined {
  try {
    return createEvent(init);
  } catch (error) {
    // That something happened is worth more than nothing, so what is at fault is left out.
    const less = makeLess(init);
    if (less === undefined) tellLost('an audit event was not made', error);
    else tellFault('an audit event was recorded in part', error);
    return less;
  }
}

function makeLess(init: AuditEventInit): AuditEvent | undefined {
  const { actor, payload, ...rest } = init;
  // In place of an actor that is at fault nobody else may stand.
  const ofNobody = (less: AuditEventInit) => auditActor(undefined, () => createEvent(less));
  const attempts = [
    () => createEvent({ ...rest, actor }),
    () => ofNobody({ ...rest, payload }),
    () => ofNobody(rest),
  ];
  for (const make of attempts) {
    try {
      return make();
    } catch {
      // The next one has less of it.
    }
  }
  return undefined;
}

/** The event with the ids of a span that does not record it. */
function inSpan(event: AuditEvent, span: Span | undefined): AuditEvent {
  const context = span?.spanContext();
  if (context === undefined || !isSpanContextValid(context)) return event;
  const { traceId, spanId, traceFlags } = context;
  return asRecorded(event, Object.freeze({ traceId, spanId, traceFlags }));
}

/**
 * {@link tellFault} of what is lost, where not even the event's name is known, as when the function throws that
 * says it: `stats().unrecorded` counts it.
 */
export function tellLost(what: string, error: unknown): void {
  countUnrecorded();
  tellFault(what, error);
}

/** By what is told, so that one kind of fault does not silence another. */
const bursts = new Map<string, Burst>();

/**
 * Tells `diag`, once a burst, what went wrong where nothing may throw. Of an error that is not ours only
 * its name is told: what a function of the application's throws may quote what it was given.
 *
 * @param what one of a few fixed texts
 */
export function tellFault(what: string, error: unknown): void {
  const why = error instanceof AuditError ? error.message : nameOf(error);
  let burst = bursts.get(what);
  if (burst === undefined) {
    burst = new Burst(systemClock, complain);
    bursts.set(what, burst);
  }
  burst.add(`${what}: ${why}`);
}

function nameOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `it threw ${thrown.name}` : 'it threw what is no Error';
  } catch {
    return 'it threw what cannot be shown';
  }
}
