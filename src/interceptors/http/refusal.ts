import { tellFault } from '../record.js';

/** What a caller gets in place of an answer that could not be audited. */
export const REFUSAL = '{"error":"the audit log is not available"}';

export const REFUSAL_HEADERS = {
  'content-type': 'application/json',
  'content-length': String(REFUSAL.length), // ASCII
  'cache-control': 'no-store',
} as const;

export function tellRefusal(reason: unknown): void {
  tellFault('an HTTP answer was refused with 503, for it could not be audited', reason);
}
