import type { AuditEvent } from '../../event/event.js';
import { actorTextOf, payloadTextOf } from '../../event/texts.js';
import { findActor, LastActor, places, writePlace } from './actor.js';
import * as ascii from './ascii.js';
import { ByteSink } from './byte-sink.js';
import { JsonSource, readNumber } from './json-source.js';
import { clearRemarks, type Remarks, WRAPPED } from './remarks.js';
import { decodeString } from './string.js';

// Straight from the recorded JSON, as in protobuf.ts.
// https://avro.apache.org/docs/1.12.0/specification/#binary-encoding

const source = new JsonSource();
let sink = new ByteSink(0);

/**
 * The event as the record `event` (schemas/audit-event.avsc). A member of the payload that is an object or
 * an array is its JSON text, as in later versions of Flipt.
 *
 * @param into where the value is written
 * @param remarks is told what the value does not say
 * @param frame what stands before the value
 * @throws {TypeError} for an event that lacks what its type promises
 */
export function encodeAvro(
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
  const words = version.length + type.length + action.length + status.length + timestamp.length;
  // `"":0,` becomes ten bytes, and nothing grows more; a UTF-16 unit takes three bytes.
  sink.begin(1024 + 3 * (words + actor.length) + 6 * payload.length);
  if (frame !== undefined) sink.append(frame);
  writeText(version);
  writeText(type);
  writeText(action);
  writeActor(actor, remarks);
  writeText(timestamp);
  writeText(status);
  writePayload(payload, remarks);
  return sink.finish();
}

let exact = true;
let jsonMembers = '';

/** Keeps a byte for a length or a count. */
function open(): number {
  sink.byte(0);
  return sink.at;
}

/** Lengths and counts are signed, in zigzag: 2 n. */
function close(from: number): void {
  sink.lengthBefore(from, 1, 2);
}

function writeText(text: string): void {
  const from = open();
  sink.text(text);
  close(from);
}

const lastActor = new LastActor();

function writeActor(actor: string, remarks: Remarks): void {
  if (actor === 'null') {
    sink.byte(0); // the union's first branch, null
    return;
  }
  if (lastActor.write(actor, sink, remarks)) return;
  const from = sink.at;
  sink.byte(2);
  source.open(actor);
  remarks.actorExact = findActor(source);
  for (let index = 0; index < 5; index += 1) {
    const text = open();
    const start = places[index * 2]!;
    const end = places[index * 2 + 1]!;
    if (start !== end && !writePlace(source, sink, start, end)) remarks.actorExact = false;
    close(text);
  }
  lastActor.remember(actor, sink, from, remarks);
}

/** A map: a block of entries with their count before it, and an empty block. */
function writePayload(payload: string, remarks: Remarks): void {
  exact = payload !== 'null'; // an empty map is all there is for it
  jsonMembers = '';
  source.open(payload);
  const block = open();
  const first = source.peek();
  let count = 0;
  if (first === ascii.OPEN_BRACE) count = writeMembers();
  else if (payload !== 'null') {
    remarks.wrapped = true;
    writeText(WRAPPED);
    writeValue(`"${WRAPPED}"`);
    count = 1;
  }
  if (count === 0) sink.at = block - 1;
  else sink.countBefore(block, count * 2);
  sink.byte(0);
  remarks.payloadExact = exact;
  if (jsonMembers !== '') remarks.jsonMembers = `[${jsonMembers}]`;
}

function writeMembers(): number {
  let count = 0;
  source.at += 1;
  while (source.peek() === ascii.QUOTE) {
    const from = source.at;
    writeString();
    const to = source.at;
    source.peek();
    source.at += 1; // the colon
    writeValue(undefined, from, to);
    count += 1;
    if (source.peek() === ascii.COMMA) source.at += 1;
  }
  return count;
}

/** A branch of the union: null 0, string 1, int 2, boolean 3, float 4, double 5, map 6. In zigzag. */
function writeValue(name: string | undefined, from = 0, to = 0): void {
  const first = source.peek();
  if (first === ascii.QUOTE) {
    sink.byte(2);
    writeString();
  } else if (first === ascii.OPEN_BRACE || first === ascii.OPEN_BRACKET) {
    const json = name ?? source.text(from, to);
    jsonMembers = jsonMembers === '' ? json : `${jsonMembers},${json}`;
    const start = source.at;
    source.passValue();
    writeJson(start, source.at);
  } else if (first === ascii.TRUE_START || first === ascii.FALSE_START) {
    sink.byte(6);
    sink.byte(first === ascii.TRUE_START ? 1 : 0);
    source.at += first === ascii.TRUE_START ? 4 : 5;
  } else if (first === ascii.NULL_START) {
    sink.byte(0);
    source.at += 4;
  } else {
    writeNumber();
  }
}

function writeJson(from: number, to: number): void {
  sink.byte(2);
  sink.varint((to - from) * 2);
  sink.copy(source, from, to);
}

function writeNumber(): void {
  const from = source.at;
  const number = readNumber(source);
  if (!number.exact || !number.held) exact = false;
  if (!number.held) {
    writeJson(from, source.at);
    return;
  }
  sink.byte(10);
  sink.double(number.value);
}

/** The string that begins here, with its length. */
function writeString(): void {
  const from = source.at + 1;
  const end = source.passString();
  if (end >= 0) {
    sink.varint((end - from) * 2);
    sink.copy(source, from, end);
    return;
  }
  const text = open();
  if (!decodeString(source, sink, from, ~end)) exact = false;
  close(text);
}
