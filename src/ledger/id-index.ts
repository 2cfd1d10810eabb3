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
  /**
   * Open addressing from a hash to a place in the arrays above. An entry is the place plus 1, and above
   * that bits of the hash, so that a look at a place, which is seldom in the processor's cache, is
   * seldom in vain; 0 is free. What has lost its place to another stays until the table is made anew.
   */
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #placeBits: number;
  /** Entries of the table, those that have lost their place included, and how many there may be. */
  #used = 0;
  readonly #maxUsed: number;
  #size = 0;

  constructor(capacity: number) {
    seed();
    this.capacity = capacity;
    this.#low = new Int32Array(capacity);
    this.#high = new Int32Array(capacity);
    this.#sequences = new Float64Array(capacity);
    this.#offsets = new Float64Array(capacity);
    let slots = 2;
    while (slots < capacity * 2) slots *= 2;
    this.#table = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#placeBits = 32 - Math.clz32(capacity);
    this.#maxUsed = Math.floor(slots * 0.75);
  }

  get size(): number {
    return this.#size;
  }

  /** The records that may have this id, newest first; hardly ever more than one. */
  find(id: string): number[] {
    hashId(id);
    const found: number[] = [];
    for (let slot = hashLow & this.#mask; this.#table[slot] !== 0; slot = (slot + 1) & this.#mask) {
      const place = this.#placeAt(slot);
      if (place >= 0) found.push(this.#sequences[place]!);
    }
    return found.length > 1 ? found.sort((a, b) => b - a) : found;
  }

  /** Whether {@link find} would find something; makes no list. */
  has(id: string): boolean {
    hashId(id);
    for (let slot = hashLow & this.#mask; this.#table[slot] !== 0; slot = (slot + 1) & this.#mask) {
      if (this.#placeAt(slot) >= 0) return true;
    }
    return false;
  }

  /** The place that a slot's entry leads to if the id that was just hashed is there, or -1. */
  #placeAt(slot: number): number {
    const entry = this.#table[slot]!;
    const bits = this.#placeBits;
    if (entry >> bits !== (hashHigh << bits) >> bits) return -1;
    const place = (entry & ((1 << bits) - 1)) - 1;
    return this.#low[place] === hashLow && this.#high[place] === hashHigh ? place : -1;
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
    if (this.#sequences[place] === 0) this.#size += 1;
    this.#low[place] = hashLow;
    this.#high[place] = hashHigh;
    this.#sequences[place] = sequence;
    if (this.#used < this.#maxUsed) this.#enter(place);
    else this.#makeTable();
  }

  #enter(place: number): void {
    const low = this.#low[place]!;
    const entry = (this.#high[place]! << this.#placeBits) | (place + 1);
    let slot = low & this.#mask;
    while (this.#table[slot] !== 0) {
      if (this.#table[slot] === entry) return; // of an older record that had this place
      slot = (slot + 1) & this.#mask;
    }
    this.#table[slot] = entry;
    this.#used += 1;
  }

  /** Takes a few milliseconds, once in as many records as the index holds. */
  #makeTable(): void {
    this.#table.fill(0);
    this.#used = 0;
    for (let place = 0; place < this.capacity; place += 1) {
      if (this.#sequences[place] !== 0) this.#enter(place);
    }
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
}

let isSeeded = false;
let seedLow = 0;
let seedHigh = 0;

/** Ids may come from outside: without a seed they could be made to collide. */
function seed(): void {
  if (isSeeded) return;
  isSeeded = true;
  // With the first index, for the global `crypto` takes a tenth of the time that loading may take.
  const [low = 0, high = 0] = crypto.getRandomValues(new Int32Array(2));
  seedLow = low;
  seedHigh = high;
}

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
