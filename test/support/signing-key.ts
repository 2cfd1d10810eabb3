import { generateKeyPairSync } from 'node:crypto';

/** An Ed25519 key for a test. */
export interface SigningKey {
  /** PKCS#8 in PEM. */
  readonly secret: string;
  /** SPKI in PEM. */
  readonly public: string;
}

export function signingKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    secret: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    public: publicKey.export({ format: 'pem', type: 'spki' }) as string,
  };
}
