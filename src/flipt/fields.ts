/**
 * A protobuf message: its fields by their names in lower camel case, as `@grpc/proto-loader` and `ts-proto`
 * give them, or as they stand in the .proto file (`keepCase`). What is left out is zero.
 */
export type Message<Fields> = Partial<Fields> | Partial<SnakeCased<Fields>>;

/** An enum's name, or its number. */
export type Enum<Name extends string> = Name | number;

type SnakeCased<Fields> = { [Name in keyof Fields as SnakeCase<Name>]: Fields[Name] };
type SnakeCase<Name> = Name extends `${infer Head}${infer Tail}`
  ? `${Head extends Lowercase<Head> ? Head : `_${Lowercase<Head>}`}${SnakeCase<Tail>}`
  : Name;

export const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Undefined for what is left out; some decoders say null. */
export function field(message: object, name: string): unknown {
  const fields = message as Readonly<Record<string, unknown>>;
  return fields[name] ?? fields[snakeCase(name)] ?? undefined;
}

export function text(message: object, name: string): string {
  const value = field(message, name);
  return value === undefined ? '' : String(value);
}

export function bool(message: object, name: string): boolean {
  return field(message, name) === true;
}

export function number(message: object, name: string): number {
  return Number(field(message, name) ?? 0);
}

export function list(message: object, name: string): readonly unknown[] {
  const value = field(message, name);
  return Array.isArray(value) ? value : [];
}

/** A message within a message. */
export function inner(message: object, name: string): object | undefined {
  const value = field(message, name);
  return typeof value === 'object' && value !== null ? value : undefined;
}

/** An enum's name, whichever way it was decoded; of a number that has none its digits, as in Go. */
export function enumName(message: object, name: string, names: readonly string[]): string {
  const value = field(message, name) ?? 0;
  return typeof value === 'number' ? (names[value] ?? String(value)) : String(value);
}

/** A 32-bit float by its shortest digits: 33.33, where protobuf hands out 33.33000183105469. */
export function float(message: object, name: string): number {
  const value = Math.fround(number(message, name));
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
