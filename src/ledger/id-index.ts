/**
 * Which of the newest ids stand in which record. It keeps 64-bit hashes in typed arrays, for as many
 * strings in a Map cost the garbage collector more than the ledger costs in all. A hit is a hint: the
 * caller compares the record itself.
 */
export class IdIndex {
  readonly capacity: number;
  /** By sequence number modulo capacity. */
  readonly #low: Int32Array;
  readonly #high: Int32Array;
  readonly #sequences: Float64Array;
  /** Where the record's line begins in its segment. */
  readonly #offsets: Float64Array;
  /** Open addressing from a hash to a place in the arrays above, plus 1; 0 is free. */
  readonly #table: Int32Array;
  readonly #mask: number;
  #size = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#low = new Int32Array(capacity);
    this.#high = new Int32Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    let slots = 2;
    while (slots < capacity * 2) slots *= 2;
    this.#table = new Int32Array(slots);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The records that may have this id, newest first; hardly ever more than one. */
  find(id: string): number[] {
    hashId(id);
    const found: number[] = [];
    for (let slot = hashLow & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = this.#table[slot]! - 1;
      if (place < 0) return found.length > 1 ? found.sort((a, b) => b - a) : found;
      if (this.#low[place] === hashLow && this.#high[place] === hashHigh) {
        found.push(this.#sequences[place]!);
      }
    }
  }

  /** Whether {@link find} would find something; makes no list. */
  has(id: string): boolean {
    hashId(id);
    for (let slot = hashLow & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = this.#table[slot]! - 1;
      if (place < 0) return false;
      if (this.#low[place] === hashLow && this.#high[place] === hashHigh) return true;
    }
  }

  /** Notes an id; beyond the capacity it takes the place of the record that many numbers older. */
  add(id: string, sequence: number): void {
    hashId(id);
    this.#addHashed(sequence);
  }

  /** {@link add} for an id of ASCII that stands in bytes. */
  addAscii(bytes: Uint8Array, from: number, to: number, sequence: number): void {
    hashAscii(bytes, from, to);
    this.#addHashed(sequence);
  }

  #addHashed(sequence: number): void {
    const place = sequence % this.capacity;
    if (this.#sequences[place] !== 0) this.#remove(place);
    this.#low[place] = hashLow;
    this.#high[place] = hashHigh;
    this.#sequences[place] = sequence;
    let slot = hashLow & this.#mask;
    while (this.#table[slot] !== 0) slot = (slot + 1) & this.#mask;
    this.#table[slot] = place + 1;
    this.#size += 1;
  }

  setOffset(sequence: number, offset: number): void {
    const place = sequence % this.capacity;
    if (this.#sequences[place] === sequence) this.#offsets[place] = offset;
  }

  /** Where the line of a record begins in its segment, in bytes, if its id is among the known ones. */
  offsetOf(sequence: number): number | undefined {
    const place = sequence % this.capacity;
    return this.#sequences[place] === sequence ? this.#offsets[place] : undefined;
  }

  /** Knuth's deletion from a table with linear probing (TAOCP 6.4, algorithm R): no gravestones. */
  #remove(place: number): void {
    let slot = this.#low[place]! & this.#mask;
    while (this.#table[slot] !== place + 1) slot = (slot + 1) & this.#mask;
    let gap = slot;
    for (;;) {
      slot = (slot + 1) & this.#mask;
      const next = this.#table[slot]! - 1;
      if (next < 0) break;
      const home = this.#low[next]! & this.#mask;
      // Whether `home` lies cyclically in (gap, slot]: then it must stay.
      const stays = gap <= slot ? gap < home && home <= slot : gap < home || home <= slot;
      if (stays) continue;
      this.#table[gap] = next + 1;
      gap = slot;
    }
    this.#table[gap] = 0;
    this.#sequences[place] = 0;
    this.#size -= 1;
  }
}

// Ids may come from outside: without a seed they could be made to collide.
const [seedLow, seedHigh] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [
  number,
  number,
];

let hashed: string | undefined;
let hashLow = 0;
let hashHigh = 0;

/**
 * Two 32-bit FNV-1a hashes with a final mix, left in the two variables above. An id is looked for just
 * before it is added: the same once more costs nothing.
 */
function hashId(id: string): void {
  if (id === hashed) return;
  hashed = id;
  let low = 0x811c9dc5 ^ seedLow;
  let high = 0x9747b28c ^ seedHigh;
  for (let at = 0; at < id.length; at += 1) {
    const unit = id.charCodeAt(at);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  mix(low, high);
}

/** {@link hashId} of a text of ASCII, whose bytes are its units. */
function hashAscii(bytes: Uint8Array, from: number, to: number): void {
  hashed = undefined;
  let low = 0x811c9dc5 ^ seedLow;
  let high = 0x9747b28c ^ seedHigh;
  for (let at = from; at < to; at += 1) {
    const unit = bytes[at]!;
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x85ebca6b);
  }
  mix(low, high);
}

function mix(low: number, high: number): void {
  const mixed = low ^ (high >>> 15);
  hashLow = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  hashHigh = high ^ (high >>> 13);
}
