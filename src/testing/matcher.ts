import type { AuditEvent } from '../event/event.js';

/** What holds recorded events: `recordingSink()`, `memoryProvider(…)`, or the events themselves. */
export type Audited = readonly AuditEvent[] | { readonly events: readonly AuditEvent[] };

/** What an event must hold besides its pair; in each, members that are not named may be anything. */
export interface AuditedEvent {
  readonly status?: unknown;
  readonly actor?: unknown;
  readonly payload?: unknown;
  readonly id?: unknown;
  readonly timestamp?: unknown;
  readonly trace?: unknown;
}

/** The matchers that `expect.extend({ toHaveAudited })` adds, for declarations of your own. */
export interface AuditMatchers<Result = unknown> {
  /**
   * That an event of this pair, `type:action`, was recorded which holds what is given. Of a sink wait
   * first until it has the events: `await exporter.forceFlush()`.
   */
  toHaveAudited(eventPair: string, event?: AuditedEvent): Result;
}

/** The part of Jest's and Vitest's matcher context that is used. */
interface MatcherContext {
  equals(a: unknown, b: unknown, testers?: unknown[]): boolean;
  readonly utils: {
    readonly iterableEquality?: unknown;
    readonly subsetEquality?: unknown;
    printExpected(value: unknown): string;
    printReceived(value: unknown): string;
  };
}

const MAX_SHOWN = 20;

/**
 * A matcher for `expect.extend` of Jest and Vitest.
 *
 * @example
 * expect.extend({ toHaveAudited });
 * expect(sink).toHaveAudited('flag:created', { actor: { name: 'Ann' }, payload: { key: 'a' } });
 */
export function toHaveAudited(
  this: MatcherContext,
  received: unknown,
  eventPair: string,
  expected: AuditedEvent = {},
): { pass: boolean; message: () => string } {
  const { utils } = this;
  const testers = [utils.iterableEquality, utils.subsetEquality].filter(Boolean);
  const events = eventsOf(received);
  const pairs = events.map(({ type, action }) => `${type}:${action}`);
  const alike = events.filter((_, index) => pairs[index] === eventPair).map(showable);
  const pass = alike.some((event) => this.equals(event, expected, testers));
  return {
    pass,
    message: () => {
      const what =
        Object.keys(expected).length === 0 ? '' : ` with ${utils.printExpected(expected)}`;
      const wish = `expected ${eventPair} ${pass ? 'not ' : ''}to have been audited${what}`;
      const near = alike.slice(0, MAX_SHOWN).map((event) => `\n  ${utils.printReceived(event)}`);
      if (near.length > 0)
        return `${wish}; of this pair there ${near.length === 1 ? 'is' : 'are'}:${near.join('')}`;
      if (pairs.length === 0)
        return `${wish}; nothing is recorded, or has not reached the sink: await exporter.forceFlush()`;
      return `${wish}; there are: ${[...new Set(pairs)].slice(0, MAX_SHOWN).join(', ')}`;
    },
  };
}

function showable({ id, status, metadata, payload, timestamp, trace }: AuditEvent): AuditedEvent {
  return { status, actor: metadata.actor, payload, id, timestamp, trace };
}

function eventsOf(received: unknown): readonly AuditEvent[] {
  const events = Array.isArray(received)
    ? received
    : (received as { events?: unknown } | null)?.events;
  if (Array.isArray(events)) return events as readonly AuditEvent[];
  throw new TypeError(
    'toHaveAudited takes a recordingSink(), a memoryProvider(…) or a list of events',
  );
}

// Each of these is there only where its framework is: elsewhere the directive has it left out.

declare global {
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: the parameters must be those of @types/jest
    interface Matchers<R, T = {}> extends AuditMatchers<R> {}
  }
}

// biome-ignore lint/suspicious/noTsIgnore: an error is expected only where it is not installed
/** @ts-ignore: for `@jest/globals` */
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends AuditMatchers<R> {}
}

// biome-ignore lint/suspicious/noTsIgnore: an error is expected only where it is not installed
/** @ts-ignore: for Vitest */
declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the parameters must be those of Vitest
  interface Assertion<T = any> extends AuditMatchers<void> {}
}
