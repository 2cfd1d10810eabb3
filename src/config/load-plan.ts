import { messageOf } from '../errors.js';
import { AuditConfigError } from './fault.js';

/**
 * zod is an optional peer, so what uses it is loaded late.
 *
 * @param who needs it, for the error
 * @throws {AuditConfigError}
 */
export async function loadPlan(who: string): Promise<typeof import('./plan.js')> {
  try {
    await import('zod');
  } catch (cause) {
    const message = `${who} needs the package zod, which cannot be loaded (${messageOf((cause as { code?: unknown }).code)}): npm install zod@4`;
    throw new AuditConfigError(message, [{ path: '', message }], { cause });
  }
  return import('./plan.js');
}
