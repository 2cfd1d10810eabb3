export type {
  CheckpointKey,
  CheckpointOptions,
  PublishedCheckpoint,
} from '../ledger/checkpoint-options.js';
export { type Checkpoint, openCheckpoint } from './checkpoint.js';
export {
  type ConsistencyProof,
  type InclusionProof,
  openRecordProof,
  proveConsistency,
  proveInclusion,
  recordProof,
  verifyConsistency,
  verifyInclusion,
} from './proofs.js';
export type {
  VerifiedCheckpoint,
  VerifiedCursor,
  VerifyFault,
  VerifyFaultKind,
  VerifyReport,
} from './report.js';
export { verifierKey } from './verifier-key.js';
export { type VerifyOptions, type VerifyProgress, verifyLedger } from './verify.js';
