import { AuditError } from '../errors.js';
import type { Ledger } from '../ledger/ledger.js';
import type { AuditReceipt } from '../receipt.js';

/**
 * The receipt of a durable record.
 *
 * @throws {AuditError} `ledger-unavailable` if it cannot be read back
 */
export function receiptOf(ledger: Ledger, sequence: number): AuditReceipt {
  const record = ledger.record(sequence);
  if (record === undefined) {
    throw new AuditError('ledger-unavailable', `record ${sequence} cannot be read back`);
  }
  const { hash, recordedAt, content } = record;
  return { recordId: content.id, sequence, hash, recordedAt };
}
