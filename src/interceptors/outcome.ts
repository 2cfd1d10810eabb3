/** How something ended that is audited. */
export type Outcome = 'success' | 'denied' | 'failed';

const DENIED_HTTP = [401, 403];
/** PERMISSION_DENIED and UNAUTHENTICATED, google.rpc.Code; as texts in Connect, GraphQL and tRPC. */
const DENIED_CODES: readonly unknown[] = [
  7,
  16,
  'permission_denied',
  'unauthenticated',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'UNAUTHORIZED',
];
const DENIED_NAMES =
  /^(?:Unauthori[sz]ed|NotAuthori[sz]ed|Unauthenticated|Forbidden|AccessDenied|PermissionDenied)(?:Error|Exception)?$/;
const MAX_NAME_LENGTH = 256;

/**
 * Whether what was thrown says that somebody was not allowed to do it: `status` or `statusCode` 401 or
 * 403; a `code` 7 or 16 (gRPC), `PERMISSION_DENIED`, `UNAUTHENTICATED`, `FORBIDDEN` or `UNAUTHORIZED`, also
 * in `extensions` (GraphQL); or a name such as `ForbiddenError`, `UnauthorizedException`,
 * `AccessDenied`. Never throws.
 */
export function isDenial(thrown: unknown): boolean {
  try {
    if (typeof thrown !== 'object' || thrown === null) return false;
    const { status, statusCode, code, extensions } = thrown as Record<string, unknown>;
    return (
      DENIED_HTTP.includes(status as number) ||
      DENIED_HTTP.includes(statusCode as number) ||
      // The numbers of a DOMException are others.
      (DENIED_CODES.includes(code) && !(thrown instanceof DOMException)) ||
      DENIED_CODES.includes((extensions as { code?: unknown } | undefined)?.code) ||
      DENIED_NAMES.test(errorName(thrown))
    );
  } catch {
    return false; // it cannot be looked at
  }
}

/**
 * The name of what was thrown, and nothing else of it, for a message may hold a secret: `name`, or the
 * class's where that says only `Error`; the type of what is no object. At most 256 characters. Never throws.
 */
export function errorName(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return typeof thrown;
    const { name } = thrown as { name?: unknown };
    const isTelling = typeof name === 'string' && name !== '' && name !== 'Error';
    const found: unknown = isTelling ? name : (thrown.constructor?.name ?? 'object');
    return typeof found === 'string' ? found.slice(0, MAX_NAME_LENGTH) : 'object';
  } catch {
    return 'object';
  }
}
