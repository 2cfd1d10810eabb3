import { AuditError } from '../errors.js';

/** How a flag of Node's, on the command line or in `NODE_OPTIONS`, names this module, and no file of others. */
const MODULE = String.raw`[\s=]["']?otel-audit/register(?=["'\s]|$)`;
const REQUIRED = new RegExp(`(?:^|\\s)(?:-r|--require)${MODULE}`);
const IMPORTED = new RegExp(`(?:^|\\s)--import${MODULE}`);

/**
 * A process that was started to be audited must not run without: what `--require` loads is not waited for, so
 * it cannot register anything before the application starts.
 *
 * @throws {AuditError} `invalid-option`
 */
export function refuseRequire(
  execArgv: readonly string[] = process.execArgv,
  nodeOptions = process.env.NODE_OPTIONS,
): void {
  const flags = `${execArgv.join(' ')} ${nodeOptions ?? ''}`;
  if (!REQUIRED.test(flags) || IMPORTED.test(flags)) return;
  throw new AuditError(
    'invalid-option',
    'otel-audit/register: --require cannot wait until the audit trail is open; start with --import otel-audit/register',
  );
}
