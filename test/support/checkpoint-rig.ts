import fs from 'node:fs';
import { afterEach } from '@jest/globals';
import { Checkpointer } from '../../src/evidence/checkpointer.js';
import {
  type CheckpointOptions,
  type PublishedCheckpoint,
  resolveCheckpointOptions,
} from '../../src/ledger/checkpoint-options.js';
import type { ResolvedLedgerOptions } from '../../src/ledger/options.js';
import { ledgerFolder, type OpenLedger } from './ledger-folder.js';
import { signingKey } from './signing-key.js';
import { verifyChain } from './verify-chain.js';

export const ORIGIN = 'audit.example/shop';

/** A ledger with checkpoints. */
export interface CheckpointRig extends OpenLedger {
  readonly checkpointer: Checkpointer;
  readonly published: PublishedCheckpoint[];
  /** As the exporter does it. */
  close(): Promise<void>;
}

/** A fresh folder for each test, its ledgers with checkpoints. */
export function checkpointFolder() {
  const folder = ledgerFolder();
  const key = signingKey();
  const opened: Checkpointer[] = [];
  afterEach(() => {
    for (const checkpointer of opened.splice(0)) checkpointer.abandon();
  });
  const checkpoints = {
    ...folder,
    get path() {
      return folder.path;
    },
    key,
    /** One without checkpoints. */
    openLedger: folder.open,
    open(
      given: Partial<CheckpointOptions> = {},
      ledger: Partial<ResolvedLedgerOptions> = {},
    ): CheckpointRig {
      return checkpoints.follow(folder.open({ maxSegmentBytes: 2048, ...ledger }), given);
    },
    /** Makes checkpoints of a ledger that is open. */
    follow(rig: OpenLedger, given: Partial<CheckpointOptions> = {}): CheckpointRig {
      const published: PublishedCheckpoint[] = [];
      const options = resolveCheckpointOptions('checkpoint', {
        origin: ORIGIN,
        key: key.secret,
        onCheckpoint: (checkpoint) => void published.push(checkpoint),
        ...given,
      });
      const checkpointer = new Checkpointer(rig.ledger, options, rig.clock, {
        noted: (message) => rig.told.noted.push(message),
        failed: (error) => rig.told.failed.push(error),
      });
      opened.push(checkpointer);
      return {
        ...rig,
        checkpointer,
        published,
        async close() {
          await checkpointer.close();
          await rig.ledger.close();
          await checkpointer.published();
        },
      };
    },
    /** The lines of its records, superseded ones left out, read with nothing of ours. */
    lines(): Buffer[] {
      verifyChain(folder.path);
      const names = folder.segments();
      return names.flatMap((name, index) => {
        const next = names[index + 1];
        const count = next && Number(next.slice(0, 20)) - Number(name.slice(0, 20));
        const texts = fs.readFileSync(folder.file(name), 'utf8').split('\n').slice(0, -1);
        return texts.slice(0, count || undefined).map((text) => Buffer.from(text));
      });
    },
    /** The names of the checkpoints in the folder, ascending. */
    checkpoints: () =>
      fs
        .readdirSync(folder.file('checkpoints'))
        .filter((name) => name.endsWith('.checkpoint'))
        .sort(),
  };
  return checkpoints;
}

/** Ids of so many records. */
export const ids = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `id-${from + n}`);

/** Waits for what happens on its own, turn by turn. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
