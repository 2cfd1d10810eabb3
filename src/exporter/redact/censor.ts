/** What stands in a value's place. */
export interface Censor {
  /** Values are taken away; nothing stands in their place. */
  readonly removes: boolean;
  /** @param json the value's JSON */
  replace(json: string): string;
}

const MASK = '[REDACTED]';

export function censorOf(
  mode: 'remove' | 'mask' | 'hmac',
  key: string | Uint8Array | undefined,
): Censor {
  if (mode !== 'hmac') return { removes: mode === 'remove', replace: () => MASK };
  // Loaded when needed: `node:crypto` takes a fifth of the time that loading the package takes.
  const { createHmac, createSecretKey } = process.getBuiltinModule('node:crypto');
  const secret = createSecretKey(Buffer.from(key as string)); // a copy
  return {
    removes: false,
    replace: (json) => `hmac-sha256:${createHmac('sha256', secret).update(json).digest('hex')}`,
  };
}
