/** How evidence can be broken. */
export type VerifyFaultKind =
  /** A record, or a file of the ledger, does not hold what it held. */
  | 'altered'
  /** Records are gone from between others, or a file is. */
  | 'missing'
  /** A record stands there a second time. */
  | 'doubled'
  /** A record stands behind one that came after it. */
  | 'reordered'
  /** A line does not end, as after a crash. */
  | 'torn'
  /** Records are gone from the end. */
  | 'truncated'
  /** A checkpoint is not signed by the key that it should be signed by, or is of another log. */
  | 'signature';

/** What is wrong, and where. */
export interface VerifyFault {
  readonly kind: VerifyFaultKind;
  /** The first record that is wrong; undefined where no single one is. */
  readonly sequence?: number;
  /** The file's path. */
  readonly file: string;
  /** The line in that file, from 1. */
  readonly line?: number;
  /** In words, for people. */
  readonly explanation: string;
}

/** How far a sink is, as its cursor says. */
export interface VerifiedCursor {
  readonly sink: string;
  readonly acknowledged: number;
  /** How many records are set aside, to be tried again. */
  readonly waiting: number;
}

/** A checkpoint that the ledger was held against. */
export interface VerifiedCheckpoint {
  /** The file's path; undefined for one that was handed in. */
  readonly file?: string;
  readonly origin: string;
  /** How many records it covers: all up to the one of this number. */
  readonly size: number;
  /** The root of the Merkle tree over them, in Base64. */
  readonly root: string;
  /** `unchecked` where no public key was given. */
  readonly signature: 'valid' | 'unchecked';
}

/** What `verifyLedger` found. */
export interface VerifyReport {
  /** Whether nothing is wrong. */
  readonly ok: boolean;
  /** The folder, as it was given. */
  readonly directory: string;
  /** The ledger's UUID; undefined if its description cannot be read. */
  readonly stream: string | undefined;
  /** What is wrong first, by the number of the record. */
  readonly fault: VerifyFault | undefined;
  /** All that was found to be wrong, that one first. Behind the first break of the chain nothing is looked for. */
  readonly faults: readonly VerifyFault[];
  /** The first record that there is; what stood before is gone, as retention removes it. */
  readonly first: number;
  /** Records that are as they were recorded, up to the first that is not. */
  readonly records: number;
  /** Bytes that were read. */
  readonly bytes: number;
  /** The newest of those records and the SHA-256 of its line, in hexadecimal; undefined if there is none. */
  readonly head: { readonly sequence: number; readonly hash: string } | undefined;
  /** The root of the Merkle tree up to `head`, in Base64; undefined unless verified in full. */
  readonly root: string | undefined;
  /** Lines that a later segment supersedes, as after a failed sync or a takeover. */
  readonly superseded: number;
  readonly cursors: readonly VerifiedCursor[];
  readonly checkpoints: readonly VerifiedCheckpoint[];
}
