import type { hash as Hash } from 'node:crypto';
import { AuditError } from '../errors.js';
import { asRecorded, decodeSpanEvent, isRecorded } from '../event/attributes.js';
import type { AuditEvent, EventTrace } from '../event/event.js';
import { eventToJson, traceToJson } from '../event/json.js';

/** What a ledger keeps of one event, or of something that should have been one. */
export type RecordContent = EventContent | MalformedContent;

export interface EventContent {
  readonly id: string;
  /** It may still hold the application's own objects while it is on its way to a ledger. */
  readonly event: AuditEvent;
  /** Recorded after its span had ended. */
  readonly late?: boolean;
  /** Where it was recorded, if that is not what the event itself says. */
  readonly trace?: EventTrace | undefined;
}

/** A span event with attributes of ours that do not make an event. */
export interface MalformedContent {
  readonly id: string;
  readonly event?: undefined;
  readonly late?: boolean;
  readonly trace: EventTrace | undefined;
  readonly reason: string;
  /** The attributes as JSON text, an object on one line. */
  readonly attributesText: string;
}

/** One line of the ledger. Without a ledger hashes and `recordedAt` are empty texts. */
export interface LedgerRecord {
  /** From 1, without gaps. */
  readonly sequence: number;
  /** SHA-256 of the line before, in lower-case hexadecimal. */
  readonly previousHash: string;
  /** SHA-256 of this line without its LF. */
  readonly hash: string;
  /** When the ledger took it, RFC 3339. */
  readonly recordedAt: string;
  readonly content: RecordContent;
  /** The line's length without its LF; without a ledger an estimate. */
  readonly bytes: number;
}

/** SHA-256 of nothing: what the first record has for its predecessor. */
export const NO_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

let hash: typeof Hash | undefined;

export function hashOf(line: Uint8Array): string {
  // Loaded when needed: `node:crypto` takes a tenth of the time that loading the package may take.
  hash ??= process.getBuiltinModule('node:crypto').hash;
  return hash('sha256', line, 'hex');
}

/** A record's line without its LF, byte for byte as the ledger holds it. */
export function lineOf({ sequence, previousHash, recordedAt, content }: LedgerRecord): string {
  return headOf(sequence, previousHash, recordedAt) + bodyOf(content);
}

/** The part of a line that depends on where it stands. */
export function headOf(sequence: number, previousHash: string, recordedAt: string): string {
  return `{"seq":${sequence},"prev":"${previousHash}","at":"${recordedAt}",`;
}

/** The part of a line that is the content's own: from `"id"` to the closing brace. */
export function bodyOf(content: RecordContent): string {
  const { event, late, trace = event?.trace } = content;
  const id = `"id":${quoteId(content.id)}`;
  const origin = trace === undefined ? '' : `,"trace":${traceToJson(trace)}`;
  const mark = late === true ? ',"late":true' : '';
  if (event !== undefined) return `${id}${origin}${mark},"event":${eventToJson(event)}}`;
  return `${id}${origin}${mark},"malformed":{"reason":${JSON.stringify(content.reason)},"attributes":${content.attributesText}}}`;
}

/** The content as others may see it: its event holds what was recorded and nothing else. */
export function recorded(content: EventContent): EventContent;
export function recorded(content: RecordContent): RecordContent;
export function recorded(content: RecordContent): RecordContent {
  const { event, trace } = content;
  if (event === undefined || (trace === undefined && isRecorded(event))) return content;
  const { id, late } = content;
  const whole = asRecorded(event, trace ?? event.trace);
  return late === true ? { id, event: whole, late } : { id, event: whole };
}

const PLAIN_ID = /^[\w.:-]+$/; // most ids: nothing in them needs an escape

function quoteId(id: string): string {
  return PLAIN_ID.test(id) ? `"${id}"` : JSON.stringify(id);
}

const HEAD = /^\{"seq":([1-9]\d{0,15}),"prev":"([0-9a-f]{64})","at":"([0-9TZ:.+-]{20,40})",/;

/**
 * Reads a line back. Its bytes are whatever the disk holds: the form is checked, the JSON of its parts
 * too, and the texts of actor and payload stay exactly as they were recorded.
 *
 * @param lineHash SHA-256 of the line
 * @throws {AuditError} `ledger-corrupt` for a line that is no record's.
 */
export function parseRecord(line: string, bytes: number, lineHash: string): LedgerRecord {
  const head = HEAD.exec(line);
  if (head === null) throw noRecord('it does not begin like one');
  const parser = new LineParser(line, head[0].length);
  const id = parser.member('id');
  if (typeof id !== 'string') throw noRecord('it has no id');
  const trace = parser.skip(',"trace":') ? parseTrace(parser.object()) : undefined;
  const late = parser.skip(',"late":true');
  const content = parser.skip(',"event":')
    ? parseEvent(parser, id, trace, late)
    : parseMalformed(parser, id, trace, late);
  return {
    sequence: Number(head[1]),
    previousHash: head[2]!,
    recordedAt: head[3]!,
    hash: lineHash,
    content,
    bytes,
  };
}

function parseEvent(
  parser: LineParser,
  id: string,
  trace: EventTrace | undefined,
  late: boolean,
): RecordContent {
  parser.expect('{');
  const version = parser.member('version');
  parser.expect(',');
  const type = parser.member('type');
  parser.expect(',');
  const action = parser.member('action');
  parser.expect(',"metadata":{');
  const actor = parser.skip('"actor":') ? parser.object() : 'null';
  parser.expect('},"payload":');
  const payload = parser.until(',"timestamp":"');
  parser.expect(',');
  const timestamp = parser.member('timestamp');
  parser.expect(',');
  const status = parser.member('status');
  parser.expect('}}');
  parser.end();
  const decoded = decodeSpanEvent(
    {
      'flipt.event.version': version,
      'flipt.event.type': type,
      'flipt.event.action': action,
      'flipt.event.metadata.actor': actor,
      'flipt.event.payload': payload === 'null' ? undefined : payload,
      'flipt.event.timestamp': timestamp,
      'flipt.event.status': status === '' ? undefined : status,
      'flipt.event.id': id,
    },
    { id: () => id, trace },
  );
  if (decoded.kind !== 'event') {
    throw noRecord(decoded.kind === 'malformed' ? decoded.reason : 'its event is empty');
  }
  return late ? { id, event: decoded.event, late } : { id, event: decoded.event };
}

function parseMalformed(
  parser: LineParser,
  id: string,
  trace: EventTrace | undefined,
  late: boolean,
): RecordContent {
  parser.expect(',"malformed":{');
  const reason = parser.member('reason');
  parser.expect(',"attributes":');
  const attributesText = parser.object();
  parseJson(attributesText);
  parser.expect('}}');
  parser.end();
  const content = { id, trace, reason, attributesText };
  return late ? { ...content, late } : content;
}

function parseTrace(text: string): EventTrace {
  const { traceId, spanId, traceFlags } = parseJson(text) as EventTrace;
  const trace = Object.freeze({ traceId, spanId, traceFlags });
  const sound = typeof traceId === 'string' && typeof spanId === 'string';
  if (!sound || traceToJson(trace) !== text) throw noRecord('its trace is none');
  return trace;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw noRecord('a part of it is not valid JSON'); // the parser's message would quote it
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused here
const CONTROL = /[\u0000-\u001f]/;

/** Walks along a line whose members stand in a fixed order. */
class LineParser {
  readonly #line: string;
  #at: number;

  constructor(line: string, at: number) {
    this.#line = line;
    this.#at = at;
  }

  skip(text: string): boolean {
    if (!this.#line.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  expect(text: string): void {
    if (!this.skip(text)) throw noRecord(`${text} is missing at column ${this.#at + 1}`);
  }

  /** The text of a member that is a string. */
  member(key: string): string {
    this.expect(`"${key}":`);
    const quoted = this.#line.slice(this.#at, this.#stringEnd(this.#at));
    if (!quoted.startsWith('"')) throw noRecord(`${key} is not a string`);
    this.#at += quoted.length;
    if (quoted.includes('\\')) return String(parseJson(quoted));
    // JSON has no raw control characters in its strings; a disk that lost a page has zeros there.
    if (CONTROL.test(quoted)) throw noRecord(`${key} is not a string`);
    return quoted.slice(1, -1);
  }

  /** The raw text of an object, with the spaces that may stand round it in an attribute. */
  object(): string {
    const start = this.#at;
    const open = this.#skipSpace(start);
    if (this.#line[open] !== '{') throw noRecord(`no object begins at column ${start + 1}`);
    let depth = 0;
    for (let at = open; at < this.#line.length; at += 1) {
      const unit = this.#line.charCodeAt(at);
      if (unit === 0x22) at = this.#stringEnd(at) - 1;
      else if (unit === 0x7b || unit === 0x5b) depth += 1;
      else if (unit === 0x7d || unit === 0x5d) depth -= 1;
      if (depth === 0) {
        this.#at = this.#skipSpace(at + 1);
        return this.#line.slice(start, this.#at);
      }
    }
    throw noRecord(`the value at column ${start + 1} does not end`);
  }

  #skipSpace(start: number): number {
    let at = start;
    while (this.#line[at] === ' ' || this.#line[at] === '\t') at += 1;
    return at;
  }

  /** Where the string that begins here ends: after the first quote with no odd row of `\` before it. */
  #stringEnd(start: number): number {
    let quote = start;
    for (;;) {
      quote = this.#line.indexOf('"', quote + 1);
      if (quote < 0) throw noRecord(`the string at column ${start + 1} does not end`);
      let slashes = 0;
      while (this.#line.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1;
      if (slashes % 2 === 0) return quote + 1;
    }
  }

  /** What stands before the last occurrence of a text. */
  until(text: string): string {
    const end = this.#line.lastIndexOf(text);
    if (end < this.#at) throw noRecord(`${text} is missing`);
    const found = this.#line.slice(this.#at, end);
    this.#at = end;
    return found;
  }

  end(): void {
    if (this.#at !== this.#line.length) throw noRecord(`it goes on at column ${this.#at + 1}`);
  }
}

function noRecord(fault: string): AuditError {
  return new AuditError('ledger-corrupt', `the line is no record: ${fault}`);
}
