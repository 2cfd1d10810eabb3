import type { AuditError } from '../../errors.js';

/** Hides values in an object; the object itself may be changed, or shared with the result. */
export type RedactValue = (value: Record<string, unknown>) => Record<string, unknown>;

type SlowRedact = (options: {
  readonly paths: readonly string[];
  readonly censor?: (value: unknown) => unknown;
  readonly remove: boolean;
  readonly serialize: (value: Record<string, unknown>) => Record<string, unknown>;
}) => RedactValue;

const PACKAGE = '@pinojs/redact';

/**
 * Paths by pino's own library, an optional peer: it is loaded when there are paths, and at once, so that a
 * process that would write in clear does not start.
 *
 * @param paths as segments
 * @param censor undefined: values are removed
 */
export function loadRedact(
  paths: readonly (readonly string[])[],
  censor: ((value: unknown) => unknown) | undefined,
  refuse: (fault: string) => AuditError,
): RedactValue {
  const options = { paths: paths.map(join), remove: censor === undefined, serialize: same };
  return load(refuse)(censor === undefined ? options : { ...options, censor });
}

/** As short as the library understands it, for it reads the path again at each call. */
function join(segments: readonly string[]): string {
  return segments
    .map((segment, index) => {
      if (/^(?:\w+|\*)$/.test(segment)) return index === 0 ? segment : `.${segment}`;
      return segment.includes('"') ? `['${segment}']` : `["${segment}"]`;
    })
    .join('');
}

const same = (value: Record<string, unknown>) => value;

function load(refuse: (fault: string) => AuditError): SlowRedact {
  const { createRequire } = process.getBuiltinModule('node:module');
  // This file is CommonJS in one build and a module in the other.
  const here = typeof __filename === 'string' ? __filename : import.meta.url;
  try {
    return createRequire(here)(PACKAGE) as SlowRedact;
  } catch (cause) {
    const error = refuse(
      ` needs the package ${PACKAGE} for paths with * or an index, which cannot be loaded: npm install ${PACKAGE}@0.4`,
    );
    error.cause = cause;
    throw error;
  }
}
