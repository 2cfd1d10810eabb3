/** Where and how the ledger is kept. */
export interface LedgerOptions {
  /** The ledger's folder; made with mode 0700 when missing. */
  readonly directory: string;
  /** Several writers on one host, each in the lowest free `<directory>/0`, `/1`… Default: false. */
  readonly slots?: boolean | undefined;
  /** A segment's bound. Default: 64 MiB. */
  readonly maxSegmentBytes?: number | undefined;
}
