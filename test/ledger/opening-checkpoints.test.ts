import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { checkpointFolder } from '../support/checkpoint-rig.js';
import { keep } from '../support/ledger-folder.js';

const folder = checkpointFolder();

/** Three records, the last one cut in its midst. */
async function torn({ covered }: { readonly covered: boolean }): Promise<void> {
  const rig = folder.open();
  await keep(rig.ledger, 'a', 'b');
  if (covered) await keep(rig.ledger, 'c');
  await rig.close();
  if (!covered) {
    const later = folder.openLedger();
    await keep(later.ledger, 'c');
    await later.ledger.close();
  }
  const path = folder.file(folder.segments()[0]!);
  fs.truncateSync(path, fs.statSync(path).size - 5);
}

describe('opening a ledger whose end is torn', () => {
  it('is refused if a checkpoint covers what is missing, and nothing is changed', async () => {
    await torn({ covered: true });
    const before = folder.content();
    expect(() => folder.openLedger()).toThrow(
      expect.objectContaining({
        code: 'ledger-corrupt',
        message: expect.stringMatching(/ends with record 2, but .*3\.checkpoint covers record 3/),
      }),
    );
    expect(folder.content()).toEqual(before);
  });

  it('goes on if the checkpoints end before', async () => {
    await torn({ covered: false });
    const { ledger, told } = folder.openLedger();
    expect(ledger.newest).toBe(2);
    expect(told.noted).toEqual([expect.stringContaining('did not end with a whole record')]);
  });

  it('is refused too if whole records are missing', async () => {
    await torn({ covered: true });
    fs.truncateSync(folder.file(folder.segments()[0]!), 0);
    expect(() => folder.openLedger()).toThrow('ends with record 0, but');
  });
});
