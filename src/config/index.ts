export { type Audit, type CreateAuditOptions, createAudit } from './create-audit.js';
export { AuditConfigError, type ConfigFault } from './fault.js';
export type { AuditConfig } from './schema.js';
