import * as ascii from './ascii.js';
import type { ByteSink } from './byte-sink.js';
import type { JsonSource } from './json-source.js';
import type { Remarks } from './remarks.js';
import { decodeString } from './string.js';

/** The actor's five texts, in the order of Flipt's schemas. */
const NAMES = ['authentication', 'ip', 'email', 'name', 'picture'];

/** Where the texts of an actor lie in a source, from and to; of an absent one both are 0. */
export const places: number[] = new Array<number>(NAMES.length * 2).fill(0);

/**
 * Finds the actor's texts in its JSON. False where there is more in it than they say: another member, or one
 * that is no text.
 */
export function findActor(source: JsonSource): boolean {
  places.fill(0);
  let exact = true;
  source.peek();
  source.at += 1;
  while (source.peek() === ascii.QUOTE) {
    const from = source.at + 1;
    const index = nameAt(source, from, source.passString());
    source.peek();
    source.at += 1; // the colon
    if (source.peek() === ascii.QUOTE && index >= 0) {
      const start = source.at + 1;
      const end = source.passString();
      places[index * 2] = start;
      places[index * 2 + 1] = end;
      if (start === end) exact = false; // an empty text is told from an absent one
    } else {
      source.passValue();
      exact = false;
    }
    if (source.peek() === ascii.COMMA) source.at += 1;
    else if (source.peek() === ascii.CLOSE_BRACE) break;
  }
  return exact;
}

/** Copies the text at a place, its escapes undone. False where that loses something. */
export function writePlace(source: JsonSource, sink: ByteSink, from: number, end: number): boolean {
  if (end >= 0) {
    sink.copy(source, from, end);
    return true;
  }
  return decodeString(source, sink, from, ~end);
}

function nameAt(source: JsonSource, from: number, end: number): number {
  const { bytes } = source;
  // Their first two letters tell them apart, so that one comparison is enough.
  const index =
    bytes[from] === 0x61
      ? 0
      : bytes[from] === 0x69
        ? 1
        : bytes[from] === 0x65
          ? 2
          : bytes[from] === 0x6e
            ? 3
            : 4;
  const name = NAMES[index]!;
  if (end - from !== name.length) return -1;
  for (let at = 0; at < name.length; at += 1) {
    if (bytes[from + at] !== name.charCodeAt(at)) return -1;
  }
  return index;
}

/** What the last actor was written as: events come in bursts, and those of a request have the same actor. */
export class LastActor {
  #text = '';
  #bytes: Buffer = Buffer.alloc(0);
  #exact = true;

  /** Writes it where it is this one. */
  write(text: string, sink: ByteSink, remarks: Remarks): boolean {
    if (text !== this.#text) return false;
    sink.append(this.#bytes);
    remarks.actorExact = this.#exact;
    return true;
  }

  /** Notes what was written since `from`. */
  remember(text: string, sink: ByteSink, from: number, remarks: Remarks): void {
    if (text.length > MAX_REMEMBERED_LENGTH) return;
    this.#text = text;
    this.#bytes = Buffer.from(sink.bytes.subarray(from, sink.at));
    this.#exact = remarks.actorExact;
  }
}

const MAX_REMEMBERED_LENGTH = 4096;
