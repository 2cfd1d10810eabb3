import { join } from 'node:path';
import { open } from 'lmdb';
import { z } from 'zod';

/** What a request may ask for. */
export const NewFlag = z.object({
  key: z.string().regex(/^[a-z\d-]{1,64}$/),
  name: z.string().min(1).max(255),
  enabled: z.boolean(),
  description: z.string().max(1024).optional(),
});

/** Flags in an embedded store, as a service keeps them that owes an auditor: who is answered finds them on disk. */
export class FlagStore {
  #flags;

  constructor(folder) {
    // By default its promises tell that others see a record; this way, that it is on disk.
    this.#flags = open({ path: join(folder, 'flags'), overlappingSync: false });
  }

  /** Resolves with the flag as it is stored; undefined where there is one of that key already. */
  async create(flag) {
    if (this.#flags.get(flag.key) !== undefined) return undefined;
    await this.#flags.put(flag.key, { ...flag, createdAt: new Date().toISOString() });
    return this.#flags.get(flag.key);
  }
}
