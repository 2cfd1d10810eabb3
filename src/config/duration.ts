const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/gy;
const DAY_MS = 86_400_000;

/**
 * Milliseconds of a duration as Go writes it, such as `2m` or `1h30m`; undefined for what is none.
 *
 * @param days whether `d` is a unit as well, which it is not in Go
 * @see https://pkg.go.dev/time#ParseDuration
 */
export function parseDuration(text: string, { days = false } = {}): number | undefined {
  if (text.length > 64) return undefined;
  const sign = /^[-+]?/.exec(text)![0];
  const rest = text.slice(sign.length);
  if (rest === '0') return 0;
  let total = 0;
  PART.lastIndex = 0;
  let read = 0;
  for (let part = PART.exec(rest); part !== null; part = PART.exec(rest)) {
    const [whole, count, unit] = part;
    const unitMs = unit === 'd' ? (days ? DAY_MS : undefined) : UNITS_MS[unit!];
    if (unitMs === undefined) return undefined;
    total += Number(count) * unitMs;
    read += whole.length;
  }
  if (read === 0 || read !== rest.length) return undefined;
  return sign === '-' ? -total : total;
}

/** Milliseconds of one of Flipt's durations; a number there counts nanoseconds, as in Go. */
export function fliptMilliseconds(value: string | number): number | undefined {
  return typeof value === 'number' ? value / 1e6 : parseDuration(value);
}

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of a size such as `64MiB` or `10 GB`; undefined for what is none. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?) ?([a-zA-Z]{0,3})$/.exec(text);
  const unit = match === null ? undefined : SIZES[match[2]!.toLowerCase()];
  return unit === undefined ? undefined : Math.round(Number(match![1]) * unit);
}
