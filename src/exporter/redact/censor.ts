/** What stands in a value's place. */
export interface Censor {
  /** Values are taken away; nothing stands in their place. */
  readonly removes: boolean;
  /** Hiding what is hidden already would make something else of it. */
  readonly mustBeOnce: boolean;
  /** @param json makes the value's JSON */
  replace(json: () => string): Replacement;
}

/** A text, and its JSON. */
export interface Replacement {
  readonly value: string;
  readonly json: string;
}

const MASK: Replacement = { value: '[REDACTED]', json: '"[REDACTED]"' };

export function censorOf(
  mode: 'remove' | 'mask' | 'hmac',
  key: string | Uint8Array | undefined,
): Censor {
  if (mode !== 'hmac')
    return { removes: mode === 'remove', mustBeOnce: false, replace: () => MASK };
  // Loaded when needed: `node:crypto` takes a fifth of the time that loading the package takes.
  const { createHmac, createSecretKey } = process.getBuiltinModule('node:crypto');
  const secret = createSecretKey(Buffer.from(key as string)); // a copy
  return {
    removes: false,
    mustBeOnce: true,
    replace: (json) => {
      const value = `hmac-sha256:${createHmac('sha256', secret).update(json()).digest('hex')}`;
      return { value, json: `"${value}"` };
    },
  };
}
