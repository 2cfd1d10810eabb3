import type { AuditEvent } from '../../event/event.js';
import { actorTextOf, payloadTextOf } from '../../event/texts.js';
import { findActor, LastActor, places } from './actor.js';
import * as ascii from './ascii.js';
import { ByteSink } from './byte-sink.js';
import { JsonSource, readNumber } from './json-source.js';
import { clearRemarks, type Remarks, WRAPPED } from './remarks.js';
import { decodeString } from './string.js';
import { toInstant } from './time.js';

// Straight from the recorded JSON to the wire: what was recorded is a text, and to parse it into objects
// first would take longer than all of this. https://protobuf.dev/programming-guides/encoding/

const source = new JsonSource();
let sink = new ByteSink(0);

/**
 * The event as `flipt.audit.Event` (schemas/audit-event.proto).
 *
 * @param into where the value is written
 * @param remarks is told what the value does not say
 * @param frame what stands before the value
 * @throws {TypeError} for an event that lacks what its type promises, {RangeError} for a time that a
 *   protobuf Timestamp cannot say
 */
export function encodeProtobuf(
  event: AuditEvent,
  into: ByteSink,
  remarks: Remarks,
  frame?: Buffer,
): Buffer {
  sink = into;
  clearRemarks(remarks);
  const { version, type, action, status = '', timestamp } = event;
  const actor = actorTextOf(event);
  const payload = payloadTextOf(event) ?? 'null';
  const words = version.length + type.length + action.length + status.length;
  // `0,` in an array becomes eleven bytes, and nothing grows more. The rest is
  // for the lengths of what is open, of which there is room for too much where a guess was wrong.
  sink.begin(1024 + 3 * (words + actor.length) + 6 * payload.length);
  if (frame !== undefined) sink.append(frame);
  writeText(0x0a, version);
  writeText(0x12, type);
  writeText(0x1a, action);
  writeActor(actor, remarks);
  if (payload !== 'null') {
    source.open(payload);
    sink.byte(0x2a);
    const from = open(PAYLOAD);
    exact = true;
    if (source.peek() === ascii.OPEN_BRACE) writeStruct(0);
    else {
      remarks.wrapped = true;
      writeWrapped();
    }
    remarks.payloadExact = exact;
    close(PAYLOAD, from);
  }
  writeTimestamp(timestamp);
  sink.byte(0x3a); // always there, as Flipt has it
  writeShort(status);
  return sink.finish();
}

let exact = true;

/** Beyond it a value travels as its JSON: decoders of Google's stop at 100 messages in one another. */
const MAX_DEPTH = 30;

// How many bytes a length needs is known only once what it counts is written. What it needed the last time in
// the same place is a good guess; where it is wrong, what was written moves.
const PAYLOAD = 0;
const METADATA = 1;
const ACTOR = 2;
const WORD = 3;
const ENTRY = 4;
const VALUE = 5;
const NESTED = 6;
const PLACES = 3; // of a depth
const widths = new Uint8Array(ENTRY + PLACES * (MAX_DEPTH + 2)).fill(1);

/** Keeps room for a length. */
function open(place: number): number {
  sink.at += widths[place]!;
  return sink.at;
}

function close(place: number, from: number): void {
  widths[place] = sink.lengthBefore(from, widths[place]!);
}

function writeText(tag: number, text: string): void {
  if (text === '') return; // the default is left out
  sink.byte(tag);
  writeShort(text);
}

function writeShort(text: string): void {
  const from = sink.at + 1;
  sink.at = from;
  const length = sink.text(text);
  if (length < 128) sink.bytes[from - 1] = length;
  else sink.lengthBefore(from, 1);
}

const lastActor = new LastActor();

function writeActor(actor: string, remarks: Remarks): void {
  if (lastActor.write(actor, sink, remarks)) return;
  const from = sink.at;
  writeMetadata(actor, remarks);
  lastActor.remember(actor, sink, from, remarks);
}

/** An absent actor is an empty one, as Flipt has it. */
function writeMetadata(actor: string, remarks: Remarks): void {
  sink.byte(0x22);
  const metadata = open(METADATA);
  sink.byte(0x0a);
  const from = open(ACTOR);
  if (actor !== 'null') {
    source.open(actor);
    remarks.actorExact = findActor(source);
    for (let index = 0; index < 5; index += 1) {
      const start = places[index * 2]!;
      const end = places[index * 2 + 1]!;
      if (start === end) continue;
      sink.byte(0x0a + index * 8);
      if (end > 0) {
        sink.varint(end - start);
        sink.copy(source, start, end);
      } else {
        const text = open(WORD);
        if (!decodeString(source, sink, start, ~end)) remarks.actorExact = false;
        close(WORD, text);
      }
    }
    if (sink.at === from) remarks.actorExact = false;
  }
  close(ACTOR, from);
  close(METADATA, metadata);
}

/** `Struct { map<string, Value> fields = 1 }`: an entry is a message of key (1) and value (2). */
function writeStruct(depth: number): void {
  source.at += 1;
  let next = source.peek();
  while (next === ascii.QUOTE) {
    if (!writeShortEntry()) writeEntry(depth);
    next = source.peek();
    if (next !== ascii.COMMA) break;
    source.at += 1;
    next = source.peek();
  }
  source.at += 1; // the brace
}

/**
 * An entry of two plain texts, short enough that each length is one byte, which is what most entries are: read
 * and written in one go. False where it is anything else, and then nothing is passed.
 */
function writeShortEntry(): boolean {
  const { bytes: input } = source;
  const { bytes: output, at: entry } = sink;
  let from = source.at + 1;
  let to = entry + 4;
  for (let byte = input[from]!; byte !== ascii.QUOTE; byte = input[from]!) {
    if (byte === ascii.BACKSLASH || to - entry > 127) return false;
    output[to] = byte;
    from += 1;
    to += 1;
  }
  if (input[from + 1] !== ascii.COLON || input[from + 2] !== ascii.QUOTE) return false;
  from += 3;
  const value = to;
  to += 4;
  for (let byte = input[from]!; byte !== ascii.QUOTE; byte = input[from]!) {
    if (byte === ascii.BACKSLASH || to - entry > 127) return false;
    output[to] = byte;
    from += 1;
    to += 1;
  }
  output[entry] = 0x0a;
  output[entry + 1] = to - entry - 2;
  output[entry + 2] = 0x0a;
  output[entry + 3] = value - entry - 4;
  output[value] = 0x12;
  output[value + 1] = to - value - 2;
  output[value + 2] = 0x1a;
  output[value + 3] = to - value - 4;
  source.at = from + 1;
  sink.at = to;
  return true;
}

function writeEntry(depth: number): void {
  sink.byte(0x0a);
  const place = ENTRY + PLACES * depth;
  const entry = open(place);
  sink.byte(0x0a);
  const key = source.at + 1;
  writeContent(key, source.passString());
  source.peek();
  source.at += 1; // the colon
  sink.byte(0x12);
  writeValue(source.peek(), depth);
  close(place, entry);
}

function writeWrapped(): void {
  sink.byte(0x0a);
  const entry = open(ENTRY);
  sink.byte(0x0a);
  writeShort(WRAPPED);
  sink.byte(0x12);
  writeValue(source.peek(), 0);
  close(ENTRY, entry);
}

/** `ListValue { repeated Value values = 1 }` */
function writeList(depth: number): void {
  source.at += 1;
  let next = source.peek();
  while (next !== ascii.CLOSE_BRACKET && next !== 0) {
    sink.byte(0x0a);
    writeValue(next, depth);
    next = source.peek();
    if (next !== ascii.COMMA) break;
    source.at += 1;
    next = source.peek();
  }
  source.at += 1;
}

/** A Value with its length: null 1, number 2, string 3, bool 4, struct 5, list 6. */
function writeValue(first: number, depth: number): void {
  const place = VALUE + PLACES * depth;
  const value = open(place);
  if (first === ascii.QUOTE) {
    sink.byte(0x1a);
    const from = source.at + 1;
    writeContent(from, source.passString());
  } else if (first === ascii.OPEN_BRACE || first === ascii.OPEN_BRACKET) {
    if (depth < MAX_DEPTH) writeNested(first, depth + 1);
    else {
      exact = false;
      const from = source.at;
      source.passValue();
      writeRaw(from);
    }
  } else if (
    first === ascii.TRUE_START ||
    first === ascii.FALSE_START ||
    first === ascii.NULL_START
  ) {
    writeWord(first);
  } else {
    writeNumber();
  }
  close(place, value);
}

function writeWord(first: number): void {
  sink.byte(first === ascii.NULL_START ? 0x08 : 0x20);
  sink.byte(first === ascii.TRUE_START ? 1 : 0);
  source.at += first === ascii.FALSE_START ? 5 : 4;
}

function writeNested(first: number, depth: number): void {
  sink.byte(first === ascii.OPEN_BRACE ? 0x2a : 0x32);
  const place = NESTED + PLACES * depth;
  const nested = open(place);
  if (first === ascii.OPEN_BRACE) writeStruct(depth);
  else writeList(depth);
  close(place, nested);
}

/** What of the source is not a value of its own, as the text that it is. */
function writeRaw(from: number): void {
  sink.byte(0x1a);
  sink.varint(source.at - from);
  sink.copy(source, from, source.at);
}

function writeNumber(): void {
  const from = source.at;
  const number = readNumber(source);
  if (!number.exact || !number.held) exact = false;
  if (number.held) {
    sink.byte(0x11);
    sink.double(number.value);
  } else writeRaw(from);
}

/** A string's content, with its length. */
function writeContent(from: number, end: number): void {
  if (end >= 0) {
    sink.varint(end - from);
    sink.copy(source, from, end);
    return;
  }
  const text = open(WORD);
  if (!decodeString(source, sink, from, ~end)) exact = false;
  close(WORD, text);
}

let lastTime = '';
let lastTimeBytes: Buffer = Buffer.alloc(0);

/** Events come in bursts, and those of a millisecond have the same time. */
function writeTimestamp(timestamp: string): void {
  if (timestamp !== lastTime) {
    lastTimeBytes = timestampBytes(timestamp);
    lastTime = timestamp;
  }
  const { bytes } = sink;
  let { at } = sink;
  for (let index = 0; index < lastTimeBytes.length; index += 1) bytes[at++] = lastTimeBytes[index]!;
  sink.at = at;
}

/** `Timestamp { int64 seconds = 1; int32 nanos = 2 }`, with its tag. */
function timestampBytes(timestamp: string): Buffer {
  const { seconds, nanos } = toInstant(timestamp);
  const message: number[] = [];
  if (seconds !== 0) pushVarint(message, 0x08, BigInt.asUintN(64, BigInt(seconds)));
  if (nanos !== 0) pushVarint(message, 0x10, BigInt(nanos));
  return Buffer.from([0x32, message.length, ...message]);
}

function pushVarint(message: number[], tag: number, value: bigint): void {
  message.push(tag);
  let rest = value;
  for (; rest > 127n; rest >>= 7n) message.push(Number(rest & 127n) | 128);
  message.push(Number(rest));
}
