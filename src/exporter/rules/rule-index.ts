import type { Attributes } from '@opentelemetry/api';
import { Burst } from '../../burst.js';
import { systemClock } from '../../clock.js';
import { complain } from '../../diagnostics.js';
import { messageOf } from '../../errors.js';
import { actorStorage } from '../../event/actor-storage.js';
import { type AuditEvent, createEvent } from '../../event/event.js';
import type { ReadableSpan } from '../span.js';
import type { Condition } from './conditions.js';
import { outcomeOf } from './outcome.js';
import { comparablePath, isPath } from './paths.js';
import type { AttributeReader } from './readers.js';
import type { TextMaker, ValueMaker } from './values.js';

/** A rule, checked and ready for use. */
export interface CompiledRule {
  readonly id: string;
  /** A bit for each kind of span. */
  readonly kinds: number;
  readonly conditions: readonly AttributeCondition[];
  readonly name: Condition | undefined;
  readonly outcomes: readonly string[];
  readonly type: TextMaker;
  readonly action: TextMaker;
  readonly status: TextMaker | undefined;
  readonly actor: readonly (readonly [string, TextMaker])[];
  readonly payload: ValueMaker | undefined;
}

export interface AttributeCondition extends Condition {
  readonly key: string;
  readonly read: AttributeReader;
}

/** Rules that cannot match unless the span has one attribute. */
interface Group {
  /** A bit for each kind of span that one of them takes. */
  kinds: number;
  readonly read: AttributeReader;
  readonly isPath: boolean;
  /** Those that need a certain value of it. */
  readonly exact: Map<unknown, CompiledRule[]>;
  /** Those that need more than a look-up, with what they need of it. */
  readonly others: { readonly test: Condition['test']; readonly rule: CompiledRule[] }[];
}

const burst = new Burst(systemClock, complain);

/** Finds the rules that match a span, and costs next to nothing where none does. */
export class RuleIndex {
  readonly #rules: readonly CompiledRule[];
  readonly #kinds: number;
  readonly #groups: readonly Group[];
  /** Those that look at no attribute that has to be there. */
  readonly #others: CompiledRule[] = [];

  constructor(rules: readonly CompiledRule[]) {
    const groups = new Map<string, Group>();
    const variety = varietyOf(rules);
    for (const rule of rules) {
      const anchor = anchorOf(rule, variety);
      if (anchor === undefined) {
        this.#others.push(rule);
        continue;
      }
      const { key, read, exact, test } = anchor;
      const group: Group = groups.get(key) ?? {
        kinds: 0,
        read,
        isPath: isPath(key),
        exact: new Map(),
        others: [],
      };
      groups.set(key, group);
      group.kinds |= rule.kinds;
      if (exact === undefined) group.others.push({ test, rule: [rule] });
      for (const value of new Set(exact)) {
        group.exact.set(value, [...(group.exact.get(value) ?? []), rule]);
      }
    }
    this.#rules = rules;
    this.#kinds = rules.reduce((kinds, rule) => kinds | rule.kinds, 0);
    this.#groups = [...groups.values()];
  }

  /** The events that an ended span makes, in the rules' order; undefined: none. Never throws. */
  eventsOf(span: ReadableSpan): AuditEvent[] | undefined {
    try {
      const found = this.#find(span);
      if (found === undefined) return undefined;
      const inOrder = this.#rules.filter((rule) => found.includes(rule));
      // Nobody's is the actor of the context in which the span happens to end, or to be exported.
      return actorStorage.run(undefined, () =>
        inOrder.flatMap((rule) => eventBy(rule, span) ?? []),
      );
    } catch (error) {
      burst.add(`the rules could not read a span: ${messageOf(error)}`);
      return undefined;
    }
  }

  #find(span: ReadableSpan): CompiledRule[] | undefined {
    const { kind = 0, attributes } = span;
    if ((this.#kinds & (1 << kind)) === 0 || attributes === undefined) return undefined;
    let found: CompiledRule[] | undefined;
    for (const group of this.#groups) {
      if ((group.kinds & (1 << kind)) === 0) continue;
      const value = group.read(attributes);
      if (value === undefined) continue;
      if (group.exact.size === 0) {
        // Only the others are in question.
      } else if (typeof value === 'string') {
        const text = group.isPath ? comparablePath(value) : value;
        found = addMatching(found, group.exact.get(text), span, attributes);
      } else {
        for (const one of [value].flat()) {
          found = addMatching(found, group.exact.get(String(one)), span, attributes);
        }
      }
      for (const { test, rule } of group.others) {
        if (test(value)) found = addMatching(found, rule, span, attributes);
      }
    }
    if (this.#others.length > 0) found = addMatching(found, this.#others, span, attributes);
    return found;
  }
}

/** The list with those of the rules that match; undefined while there is none, for most spans have none. */
function addMatching(
  found: CompiledRule[] | undefined,
  rules: readonly CompiledRule[] | undefined,
  span: ReadableSpan,
  attributes: Attributes,
): CompiledRule[] | undefined {
  if (rules === undefined) return found;
  let list = found;
  for (const rule of rules) {
    if (!matches(rule, span, attributes)) continue;
    list ??= [];
    list.push(rule);
  }
  return list;
}

/** By attribute, how many values rules tell apart by it. */
function varietyOf(rules: readonly CompiledRule[]): ReadonlyMap<string, number> {
  const values = new Map<string, Set<string>>();
  for (const { key, exact = [] } of rules.flatMap(({ conditions }) => conditions)) {
    const known = values.get(key) ?? new Set();
    values.set(key, known);
    for (const value of exact) known.add(value);
  }
  return new Map([...values].map(([key, { size }]) => [key, size]));
}

/** The condition by which to look for the rule: the one that leaves fewest others in question. */
function anchorOf(
  { conditions }: CompiledRule,
  variety: ReadonlyMap<string, number>,
): AttributeCondition | undefined {
  const worth = ({ key, exact }: AttributeCondition) =>
    exact === undefined ? 0 : variety.get(key)!;
  return conditions.filter(({ test }) => !test(undefined)).sort((a, b) => worth(b) - worth(a))[0];
}

function matches(rule: CompiledRule, span: ReadableSpan, attributes: Attributes): boolean {
  return (
    (rule.kinds & (1 << (span.kind ?? 0))) !== 0 &&
    rule.conditions.every(({ read, test }) => test(read(attributes))) &&
    (rule.name === undefined || rule.name.test(span.name)) &&
    rule.outcomes.includes(outcomeOf(span))
  );
}

function eventBy(rule: CompiledRule, span: ReadableSpan): AuditEvent | undefined {
  const { attributes = {}, endTime } = span;
  const type = rule.type(attributes);
  const action = rule.action(attributes);
  if (type === undefined || action === undefined) return undefined;
  const actor = rule.actor.flatMap(([key, make]) => {
    const text = make(attributes);
    return text === undefined ? [] : [[key, text]];
  });
  const { traceId, spanId } = span.spanContext();
  try {
    return createEvent({
      id: `${traceId}-${spanId}-rule-${rule.id}`,
      type,
      action,
      status: rule.status?.(attributes) ?? outcomeOf(span),
      actor: actor.length === 0 ? undefined : Object.fromEntries(actor),
      payload: rule.payload?.(attributes),
      timestamp: endTime && new Date(endTime[0] * 1000 + Math.floor(endTime[1] / 1e6)),
    });
  } catch (error) {
    burst.add(`a rule made no event of a span: ${messageOf(error)}`);
    return undefined;
  }
}
