export type {
  VerifiedCheckpoint,
  VerifiedCursor,
  VerifyFault,
  VerifyFaultKind,
  VerifyReport,
} from './report.js';
export { type VerifyOptions, type VerifyProgress, verifyLedger } from './verify.js';
