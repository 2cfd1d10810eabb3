// Folders on the disk that temporary files live on, gone when the bench is over.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** @param {(folder: string) => Promise<unknown>} work */
export async function withFolder(work) {
  const folder = mkdtempSync(join(tmpdir(), 'otel-audit-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
