import { diag } from '@opentelemetry/api';

/** `diag.warn`, kept from throwing: a logger that fails must not break what it speaks of. */
export function warn(message: string): void {
  try {
    diag.warn(`otel-audit: ${message}`);
  } catch {
    // There is nobody left to tell.
  }
}

/** `diag.error`, kept from throwing. */
export function complain(message: string): void {
  try {
    diag.error(`otel-audit: ${message}`);
  } catch {
    // There is nobody left to tell.
  }
}
