import { AuditError } from '../errors.js';

/** One thing that is wrong in a configuration. */
export interface ConfigFault {
  /** Where it stands, such as `audit.sinks.webhook.url`; empty for the file as a whole. */
  readonly path: string;
  /** What is allowed there. It shows no value, for that may be a secret. */
  readonly message: string;
}

/** A configuration that cannot be used. Its code is `invalid-option`; it names every fault, one a line. */
export class AuditConfigError extends AuditError {
  readonly faults: readonly ConfigFault[];

  constructor(message: string, faults: readonly ConfigFault[], options: ErrorOptions = {}) {
    super('invalid-option', message, options);
    this.name = 'AuditConfigError';
    this.faults = faults;
  }
}

/** Where faults are gathered. */
export type Faults = ConfigFault[];

/** The error that names them all. */
export function errorOf(origin: string, faults: readonly ConfigFault[]): AuditConfigError {
  const lines = faults.map(({ path, message }) => `  ${path === '' ? '' : `${path} `}${message}`);
  const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`;
  return new AuditConfigError(`${origin} has ${count}:\n${lines.join('\n')}`, faults);
}

/** A key that somebody wrote, as far as it may be shown: `secret:s3cret` with its blank forgotten is one. */
export function showKey(key: string): string {
  const shown = /^[\w-]{0,64}/.exec(key)![0];
  return shown === key && key !== '' ? key : `${shown}…`;
}

/** The path of a member or an element. */
export function pathTo(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? showKey(key) : `${path}.${showKey(key)}`;
}

/** Whether a path is a section's, or leads to a place within it. */
export function isWithin(path: string, section: string): boolean {
  return path === section || path.startsWith(`${section}.`) || path.startsWith(`${section}[`);
}

/** Adds what follows from reading a value, unless the value itself is known to be at fault. */
export function addUnlessTold(faults: Faults, fault: ConfigFault): void {
  const told = faults.some(
    ({ path }) => path !== '' && (isWithin(path, fault.path) || isWithin(fault.path, path)),
  );
  if (!told) faults.push(fault);
}
