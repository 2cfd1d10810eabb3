/**
 * Where a text stands in the grammar of JSON (RFC 8259) when it is read from its beginning. States are
 * made once and compared by identity, so that what a fixed piece of text does to one can be remembered.
 */
export interface JsonState {
  readonly lexical: Lexical;
  /** The object or array that the text is in; the outermost one is neither. */
  readonly level: Level;
}

/** Lexical states. Numbers, for they are switched on for each character. */
export const LEXICAL = {
  /** A value is due. */
  value: 0,
  /** A value or `]`. */
  item: 1,
  /** A key or `}`. */
  firstKey: 2,
  key: 3,
  colon: 4,
  /** After a value: a comma, a closing bracket, or the end. */
  after: 5,
  string: 6,
  keyString: 7,
  stringEscape: 8,
  keyEscape: 9,
  /** Four hexadecimal digits are due, three, two, one. */
  stringHex4: 10,
  stringHex3: 11,
  stringHex2: 12,
  stringHex1: 13,
  keyHex4: 14,
  keyHex3: 15,
  keyHex2: 16,
  keyHex1: 17,
  minus: 18,
  zero: 19,
  digits: 20,
  point: 21,
  fraction: 22,
  exponent: 23,
  exponentSign: 24,
  exponentDigits: 25,
  /** Words: what is still to come of them. */
  rue: 26,
  ue: 27,
  e: 28,
  alse: 29,
  lse: 30,
  se: 31,
  ull: 32,
  ll: 33,
  l: 34,
  /** No JSON, and nothing can mend it. */
  broken: 35,
} as const;

export type Lexical = (typeof LEXICAL)[keyof typeof LEXICAL];

/** Go's json.Valid follows no deeper. */
const MAX_DEPTH = 10_000;
const MAX_LEVELS = 20_000;

class Level {
  readonly parent: Level | undefined;
  readonly isObject: boolean;
  readonly depth: number;
  readonly #outermost: Level;
  readonly #states: JsonState[] = [];
  #object: Level | undefined;
  #array: Level | undefined;
  /** Of the outermost level: how many there are inside. */
  #count = 0;

  constructor(parent: Level | undefined, isObject: boolean) {
    this.parent = parent;
    this.isObject = isObject;
    this.depth = parent === undefined ? 0 : parent.depth + 1;
    this.#outermost = parent === undefined ? this : parent.#outermost;
    this.#outermost.#count += 1;
  }

  at(lexical: Lexical): JsonState {
    this.#states[lexical] ??= { lexical, level: this };
    return this.#states[lexical];
  }

  inner(isObject: boolean): Level {
    if (isObject) {
      this.#object ??= new Level(this, true);
      return this.#object;
    }
    this.#array ??= new Level(this, false);
    return this.#array;
  }

  /** Lets go of the levels inside where events have made too many of them. */
  trim(): void {
    if (this.#count <= MAX_LEVELS) return;
    this.#object = undefined;
    this.#array = undefined;
    this.#count = 0;
  }
}

export type { Level };

/** The state before the first character, for one template. */
export function jsonStart(): JsonState {
  return new Level(undefined, false).at(LEXICAL.value);
}

export function isInString({ lexical }: JsonState): boolean {
  return lexical === LEXICAL.string || lexical === LEXICAL.keyString;
}

/** Whether the text is behind a backslash inside a string. */
export function isInEscape({ lexical }: JsonState): boolean {
  return lexical >= LEXICAL.stringEscape && lexical <= LEXICAL.keyHex1;
}

/** Whether what was read is one JSON value. */
export function isComplete({ lexical, level }: JsonState): boolean {
  return level.parent === undefined && (lexical === LEXICAL.after || endsNumber(lexical));
}

/** Whether a value is due, so that a whole one may be taken without looking. */
export function expectsValue({ lexical }: JsonState): boolean {
  return lexical === LEXICAL.value || lexical === LEXICAL.item;
}

export function afterValue({ level }: JsonState): JsonState {
  return level.at(LEXICAL.after);
}

export function isBroken({ lexical }: JsonState): boolean {
  return lexical === LEXICAL.broken;
}

export function broken({ level }: JsonState): JsonState {
  return level.at(LEXICAL.broken);
}

/**
 * Reads on.
 *
 * @param within where given, the text may not leave this level nor separate anything on it
 * @returns undefined where it does
 */
export function readJson(from: JsonState, text: string, within?: Level): JsonState | undefined {
  let state = from;
  if (state.lexical === LEXICAL.broken) return state;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (within === state.level && isStructural(unit, state)) return undefined;
    state = step(state, unit);
    if (state.lexical === LEXICAL.broken) return state;
  }
  return state;
}

function isStructural(unit: number, { lexical }: JsonState): boolean {
  if (lexical >= LEXICAL.string && lexical <= LEXICAL.keyHex1) return false;
  return unit === 0x2c || unit === 0x3a || unit === 0x5d || unit === 0x7d; // , : ] }
}

function endsNumber(lexical: Lexical): boolean {
  return (
    lexical === LEXICAL.zero ||
    lexical === LEXICAL.digits ||
    lexical === LEXICAL.fraction ||
    lexical === LEXICAL.exponentDigits
  );
}

function step(state: JsonState, unit: number): JsonState {
  const { lexical, level } = state;
  switch (lexical) {
    case LEXICAL.string:
    case LEXICAL.keyString:
      return inString(state, unit);
    case LEXICAL.value:
    case LEXICAL.item:
    case LEXICAL.firstKey:
    case LEXICAL.key:
    case LEXICAL.colon:
    case LEXICAL.after:
      return isSpace(unit) ? state : between(state, unit);
    case LEXICAL.stringEscape:
    case LEXICAL.keyEscape:
      return escaped(state, unit);
    case LEXICAL.broken:
      return state;
    default:
      break;
  }
  if (lexical >= LEXICAL.stringHex4 && lexical <= LEXICAL.keyHex1) {
    if (!isHex(unit)) return broken(state);
    if (lexical === LEXICAL.stringHex1) return level.at(LEXICAL.string);
    if (lexical === LEXICAL.keyHex1) return level.at(LEXICAL.keyString);
    return level.at((lexical + 1) as Lexical);
  }
  return lexical >= LEXICAL.rue ? inWord(state, unit) : inNumber(state, unit);
}

function inString(state: JsonState, unit: number): JsonState {
  const isKey = state.lexical === LEXICAL.keyString;
  if (unit === 0x22) return state.level.at(isKey ? LEXICAL.colon : LEXICAL.after);
  if (unit === 0x5c) return state.level.at(isKey ? LEXICAL.keyEscape : LEXICAL.stringEscape);
  return unit < 0x20 ? broken(state) : state;
}

function escaped(state: JsonState, unit: number): JsonState {
  const isKey = state.lexical === LEXICAL.keyEscape;
  if (unit === 0x75) return state.level.at(isKey ? LEXICAL.keyHex4 : LEXICAL.stringHex4);
  if (!'"\\/bfnrt'.includes(String.fromCharCode(unit))) return broken(state);
  return state.level.at(isKey ? LEXICAL.keyString : LEXICAL.string);
}

/** At a character that is neither white space nor inside a token. */
function between(state: JsonState, unit: number): JsonState {
  const { lexical, level } = state;
  switch (lexical) {
    case LEXICAL.colon:
      return unit === 0x3a ? level.at(LEXICAL.value) : broken(state);
    case LEXICAL.firstKey:
    case LEXICAL.key:
      if (unit === 0x22) return level.at(LEXICAL.keyString);
      return unit === 0x7d && lexical === LEXICAL.firstKey ? close(state) : broken(state);
    case LEXICAL.after:
      return afterOne(state, unit);
    default:
      return unit === 0x5d && lexical === LEXICAL.item ? close(state) : begin(state, unit);
  }
}

function afterOne(state: JsonState, unit: number): JsonState {
  const { level } = state;
  if (level.parent === undefined) return broken(state);
  if (unit === 0x2c) return level.at(level.isObject ? LEXICAL.key : LEXICAL.value);
  return unit === (level.isObject ? 0x7d : 0x5d) ? close(state) : broken(state);
}

function close(state: JsonState): JsonState {
  return state.level.parent!.at(LEXICAL.after);
}

/** The first character of a value. */
function begin(state: JsonState, unit: number): JsonState {
  const { level } = state;
  switch (unit) {
    case 0x22:
      return level.at(LEXICAL.string);
    case 0x7b:
      return level.depth < MAX_DEPTH ? level.inner(true).at(LEXICAL.firstKey) : broken(state);
    case 0x5b:
      return level.depth < MAX_DEPTH ? level.inner(false).at(LEXICAL.item) : broken(state);
    case 0x2d:
      return level.at(LEXICAL.minus);
    case 0x30:
      return level.at(LEXICAL.zero);
    case 0x74:
      return level.at(LEXICAL.rue);
    case 0x66:
      return level.at(LEXICAL.alse);
    case 0x6e:
      return level.at(LEXICAL.ull);
    default:
      return isDigit(unit) ? level.at(LEXICAL.digits) : broken(state);
  }
}

/** By state: the character that goes on with the word, and the state behind it. */
const WORDS: Readonly<Record<number, readonly [unit: number, next: Lexical]>> = {
  [LEXICAL.rue]: [0x72, LEXICAL.ue],
  [LEXICAL.ue]: [0x75, LEXICAL.e],
  [LEXICAL.e]: [0x65, LEXICAL.after],
  [LEXICAL.alse]: [0x61, LEXICAL.lse],
  [LEXICAL.lse]: [0x6c, LEXICAL.se],
  [LEXICAL.se]: [0x73, LEXICAL.e],
  [LEXICAL.ull]: [0x75, LEXICAL.ll],
  [LEXICAL.ll]: [0x6c, LEXICAL.l],
  [LEXICAL.l]: [0x6c, LEXICAL.after],
};

function inWord(state: JsonState, unit: number): JsonState {
  const [due, next] = WORDS[state.lexical]!;
  return unit === due ? state.level.at(next) : broken(state);
}

function inNumber(state: JsonState, unit: number): JsonState {
  const { lexical, level } = state;
  const isE = unit === 0x65 || unit === 0x45;
  if (isDigit(unit)) {
    if (lexical === LEXICAL.zero) return broken(state);
    if (lexical === LEXICAL.minus) return level.at(unit === 0x30 ? LEXICAL.zero : LEXICAL.digits);
    if (lexical === LEXICAL.point) return level.at(LEXICAL.fraction);
    if (lexical === LEXICAL.exponent || lexical === LEXICAL.exponentSign) {
      return level.at(LEXICAL.exponentDigits);
    }
    return state;
  }
  const isWhole = lexical === LEXICAL.zero || lexical === LEXICAL.digits;
  if (unit === 0x2e && isWhole) return level.at(LEXICAL.point);
  if (isE && (isWhole || lexical === LEXICAL.fraction)) return level.at(LEXICAL.exponent);
  if ((unit === 0x2b || unit === 0x2d) && lexical === LEXICAL.exponent) {
    return level.at(LEXICAL.exponentSign);
  }
  if (!endsNumber(lexical)) return broken(state);
  return isSpace(unit) ? afterValue(state) : afterOne(state, unit);
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09;
}

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39;
}

function isHex(unit: number): boolean {
  return isDigit(unit) || (unit >= 0x41 && unit <= 0x46) || (unit >= 0x61 && unit <= 0x66);
}
