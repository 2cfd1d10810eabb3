import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import {
  type Audit,
  type AuditConfig,
  AuditConfigError,
  type CreateAuditOptions,
  createAudit,
} from '../../src/config/index.js';

/** A test's own folder, which is the process's working directory meanwhile. */
export interface ConfigRig {
  readonly folder: string;
  /** Writes a file into it; returns its path. */
  write(name: string, text: string): string;
  read(name: string): string;
  exists(name: string): boolean;
  /** As `createAudit`, without the environment of the tests; shut down afterwards. */
  create(source: string | URL | AuditConfig | object, options?: CreateAuditOptions): Promise<Audit>;
}

export function configRig(): ConfigRig {
  const home = process.cwd();
  let folder = '';
  let open: Audit[] = [];
  beforeEach(() => {
    folder = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'config-')));
    process.chdir(folder);
  });
  afterEach(async () => {
    await Promise.allSettled(open.map((audit) => audit.shutdown()));
    open = [];
    process.chdir(home);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return {
    get folder() {
      return folder;
    },
    write(name, text) {
      const path = join(folder, name);
      fs.writeFileSync(path, text);
      return path;
    },
    read: (name) => fs.readFileSync(join(folder, name), 'utf8'),
    exists: (name) => fs.existsSync(join(folder, name)),
    async create(source, options = {}) {
      const audit = await createAudit(source as AuditConfig, { env: {}, ...options });
      open.push(audit);
      return audit;
    },
  };
}

/** The error of a configuration that is refused. */
export async function refusal(creating: Promise<unknown>): Promise<AuditConfigError> {
  const error = await creating.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof AuditConfigError) return error;
  throw error;
}

/** Its faults, each as path and message. */
export async function faultsOf(creating: Promise<unknown>): Promise<string[]> {
  const { faults } = await refusal(creating);
  return faults.map(({ path, message }) => `${path} ${message}`);
}
