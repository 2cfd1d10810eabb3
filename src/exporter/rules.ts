import { AuditError } from '../errors.js';
import { type AuditEvent, nameFault } from '../event/event.js';
import { mappedIPv4 } from '../http/mapped-ipv4.js';
import { conditionOf, type SpanCondition } from './rules/conditions.js';
import type { SpanOutcome } from './rules/outcome.js';
import { isPath } from './rules/paths.js';
import { readerOf } from './rules/readers.js';
import { type CompiledRule, RuleIndex } from './rules/rule-index.js';
import { dataMaker, type SpanValue, type TextMaker, textMaker } from './rules/values.js';
import type { ReadableSpan } from './span.js';

/** An audit event to be made of every span that the rule matches. Plain data, so that a file can hold it. */
export interface SpanRule {
  /**
   * Attributes and what they must be, all of them. Names of older semantic conventions and present ones
   * stand for one another: `http.method` and `http.request.method`. Paths, `url.path`, compare in lower
   * case, decoded, without a slash at the end: `/Flags/` is `/flags`.
   */
  readonly match: Readonly<Record<string, SpanCondition>>;
  /**
   * The kind of span, or several. Default: `server` where `match` names an attribute of `http`, `url` or
   * `rpc`, for a client's span has them too; `client` and `internal` where it names one of `db`;
   * otherwise any.
   */
  readonly kind?: SpanKindName | readonly SpanKindName[] | undefined;
  /** The span's own name. */
  readonly name?: SpanCondition | undefined;
  /** The event's noun. From an attribute that is not there: no event. */
  readonly type: string | SpanValue;
  /** The event's verb, likewise. */
  readonly action: string | SpanValue;
  /** Default: the outcome. */
  readonly status?: string | SpanValue | undefined;
  /**
   * Which outcomes are recorded: `denied` is HTTP 401 and 403 and the RPC codes that say so, `failed`
   * HTTP from 400, other RPC codes, and a span whose status is an error. Default: `success` and `denied`.
   */
  readonly outcomes?: readonly SpanOutcome[] | undefined;
  /** Texts, or attributes; one that is not there is left out. */
  readonly actor?: Readonly<Record<string, string | SpanValue>> | undefined;
  /** Data, or attributes anywhere in it. */
  readonly payload?: unknown;
}

/** OpenTelemetry's `SpanKind`, by name. */
export type SpanKindName = 'internal' | 'server' | 'client' | 'producer' | 'consumer';

export const RULES: unique symbol = Symbol.for('otel-audit.rules');

/** Rules, checked and ready for use; made by {@link spanRules}. */
export interface SpanRules {
  /** The events that an ended span makes; undefined: none. Never throws. */
  readonly [RULES]: (span: ReadableSpan) => readonly AuditEvent[] | undefined;
}

/** In the order of `SpanKind`. */
const KINDS = ['internal', 'server', 'client', 'producer', 'consumer'];
const DB_KINDS = ['client', 'internal'];
const OUTCOMES = ['success', 'denied', 'failed'];
const FIELDS = [
  'match',
  'kind',
  'name',
  'type',
  'action',
  'status',
  'outcomes',
  'actor',
  'payload',
];
const MAX_RULES = 1000;

/**
 * Rules that make audit events of ordinary spans when they end, such as those of auto-instrumentation;
 * for the option `rules` of `SinkSpanExporter` and `AuditSpanProcessor`. Each rule that matches makes an
 * event, at the time of the span's end, with the id `<traceId>-<spanId>-rule-<hash of the rule>`.
 *
 * Match `url.path` rather than `http.route`, which is not there when a request is refused before its
 * route is known, nor, by some instrumentations, when a client writes the path otherwise: `/FLAGS/`. A client can forge `client.address`, which instrumentations take from `X-Forwarded-For`; the peer
 * of the connection is `network.peer.address`.
 *
 * @throws {AuditError} `invalid-option`, naming the rule by its index and the field
 * @example
 * spanRules([
 *   {
 *     match: { 'http.request.method': 'POST', 'url.path': '/flags' },
 *     type: 'flag',
 *     action: 'created',
 *     actor: { name: { attribute: 'enduser.id' }, ip: { attribute: 'network.peer.address' } },
 *     payload: { status: { attribute: 'http.response.status_code' } },
 *   },
 * ]);
 */
export function spanRules(rules: readonly SpanRule[]): SpanRules {
  if (!Array.isArray(rules) || rules.length > MAX_RULES) {
    throw new AuditError('invalid-option', `spanRules takes a list of at most ${MAX_RULES} rules`);
  }
  const seen = new Set<string>();
  const index = new RuleIndex(
    rules.map((rule, at) => {
      const where = `spanRules: rules[${at}]`;
      const compiled = compile(rule, (fault) => {
        throw new AuditError('invalid-option', `${where}${fault}`);
      });
      if (seen.has(compiled.id)) {
        throw new AuditError('invalid-option', `${where} is there twice`);
      }
      seen.add(compiled.id);
      return compiled;
    }),
  );
  return Object.freeze({ [RULES]: (span: ReadableSpan) => index.eventsOf(span) });
}

/** Refuses what {@link spanRules} has not made. */
export function requireRules(where: string, rules: SpanRules | undefined): SpanRules | undefined {
  if (rules === undefined || typeof rules?.[RULES] === 'function') return rules;
  throw new AuditError('invalid-option', `${where} must be made by spanRules([…])`);
}

type Refuse = (fault: string) => never;

function compile(rule: SpanRule, refuse: Refuse): CompiledRule {
  if (!isObject(rule)) return refuse(' must be an object with match, type and action');
  const unknown = Object.keys(rule).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) refuse(`.${unknown} is no field; there are ${FIELDS.join(', ')}`);
  const at =
    (field: string): Refuse =>
    (fault) =>
      refuse(`.${field}${fault}`);
  const { match = {}, name, status, actor = {}, payload, outcomes = ['success', 'denied'] } = rule;
  if (!isObject(match)) at('match')(' must be an object of conditions by attribute');
  const conditions = Object.entries(match).map(([key, given]) => ({
    key,
    read: readerOf(key),
    ...conditionOf(given, at(`match[${JSON.stringify(key)}]`), isPath(key)),
  }));
  if (JSON.stringify(match['rpc.method'] ?? '').includes('/')) {
    at('match["rpc.method"]')(' is read without its service: match rpc.service beside it');
  }
  if (conditions.length === 0 && name === undefined) at('match')(' must name an attribute');
  if (!isObject(actor)) at('actor')(' must be an object');
  requireWords(outcomes, OUTCOMES, at('outcomes'));
  const names = (of: RegExp) => conditions.some(({ key }) => of.test(key));
  const kinds: unknown =
    rule.kind ?? (names(/^(?:http|url|rpc)\./) ? 'server' : names(/^db\./) ? DB_KINDS : KINDS);
  const kindList = Array.isArray(kinds) ? kinds : [kinds];
  requireWords(kindList, KINDS, at('kind'));
  return {
    id: hashOf(rule, refuse),
    kinds: kindList.reduce((bits, kind) => bits | (1 << KINDS.indexOf(kind)), 0),
    conditions,
    name: name === undefined ? undefined : conditionOf(name, at('name')),
    outcomes,
    type: nameMaker(rule.type, at('type')),
    action: nameMaker(rule.action, at('action')),
    status: status === undefined ? undefined : textMaker(status, at('status')),
    actor: Object.entries(actor).map(([key, value]) => {
      const make = textMaker(value, at(`actor.${key}`));
      return [key, key === 'ip' ? addressMaker(make) : make];
    }),
    payload: payload === undefined ? undefined : dataMaker(payload, at('payload')),
  };
}

/** An address as interceptors record it: one of IPv4 is one, also where its socket listens to IPv6 too. */
function addressMaker(make: TextMaker): TextMaker {
  return (attributes) => {
    const text = make(attributes);
    return text === undefined ? undefined : (mappedIPv4(text.toLowerCase()) ?? text);
  };
}

function nameMaker(given: unknown, refuse: Refuse): TextMaker {
  const make = textMaker(given, refuse);
  const fault = typeof given === 'string' ? nameFault(given) : undefined;
  return fault === undefined ? make : refuse(` ${fault}`);
}

function requireWords(given: unknown, words: readonly string[], refuse: Refuse): void {
  if (Array.isArray(given) && given.length > 0 && given.every((word) => words.includes(word)))
    return;
  refuse(` must be of ${words.join(', ')}`);
}

/** What tells the events of one rule from those of another, whatever their order. */
function hashOf(rule: SpanRule, refuse: Refuse): string {
  let text: string;
  try {
    text = JSON.stringify(rule);
  } catch {
    return refuse(' must be plain data');
  }
  // Loaded when needed: `node:crypto` takes a fifth of the time that loading the package takes.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
