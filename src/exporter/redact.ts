/** Which values are hidden before anything is written. */
export interface RedactOptions {
  /** Paths into the event, such as `payload.password`. */
  readonly paths: readonly string[];
  readonly mode: 'remove' | 'mask' | 'hmac';
  /** The key of mode `hmac`. */
  readonly key?: string | Uint8Array;
}
