import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** The folder of package.json; Jest runs there. */
export const root = process.cwd();

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, unknown>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly typesVersions: { readonly '*': Readonly<Record<string, readonly string[]>> };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export const manifest: Manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

export interface Packed {
  readonly files: readonly string[];
  /** Bytes of the tarball. */
  readonly size: number;
}

/** What `npm pack` would put into the tarball; with a folder, it is written there as well. */
export function pack(into?: string): Packed & { readonly tarball: string } {
  const args = ['pack', '--json', '--ignore-scripts', '--loglevel=error'];
  args.push(...(into === undefined ? ['--dry-run'] : ['--pack-destination', into]));
  const packed = parsePack(run(npm[0], [...npm[1], ...args], { cwd: root }).stdout);
  const files = packed.files.map(({ path }) => path);
  return { files, size: packed.size, tarball: into ? join(into, packed.filename) : '' };
}

interface PackEntry {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

/** A list up to npm 11, an object by package name from npm 12 on. */
function parsePack(text: string): PackEntry {
  const [entry] = Object.values(JSON.parse(text) as Record<string, PackEntry>);
  if (entry === undefined) throw new Error(`npm pack reported nothing: ${text}`);
  return entry;
}

const npm: readonly [string, readonly string[]] = process.env.npm_execpath
  ? [process.execPath, [process.env.npm_execpath]]
  : ['npm', []];

/** A project in a temporary folder that has the packed package, as `npm install` would leave it. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'otel-audit-package-'));

  /** @param links packages that lie beside it: name to the folder they come from */
  constructor(
    links: Readonly<Record<string, string>> = {
      '@opentelemetry/api': installed('@opentelemetry/api'),
    },
  ) {
    const { tarball } = pack(this.folder);
    const home = join(this.folder, 'node_modules/otel-audit');
    mkdirSync(home, { recursive: true });
    run('tar', ['-xzf', tarball, '-C', home, '--strip-components=1']);
    rmSync(tarball);
    for (const [name, from] of Object.entries(links)) {
      const to = join(this.folder, 'node_modules', name);
      mkdirSync(dirname(to), { recursive: true });
      symlinkSync(from, to, 'dir');
    }
  }

  /** Copies a package in place of linking it, so that nothing beside it can be found from within. */
  copy(name: string): this {
    const from = installed(name);
    cpSync(from, join(this.folder, 'node_modules', name), { recursive: true, dereference: true });
    return this;
  }

  write(files: Readonly<Record<string, string>>): this {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.folder, name)), { recursive: true });
      writeFileSync(join(this.folder, name), text);
    }
    return this;
  }

  node(...args: readonly string[]): Run {
    return run(process.execPath, args, { cwd: this.folder });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Where a package of ours is installed. */
export function installed(name: string): string {
  return resolve(root, 'node_modules', name);
}

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end; what it prints is in the error when it fails. */
export function run(command: string, args: readonly string[], options: { cwd?: string } = {}): Run {
  const { NODE_OPTIONS: _, JEST_WORKER_ID: __, NODE_ENV: ___, ...env } = process.env;
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    ...options,
    env,
    encoding: 'utf8',
    input: '',
    maxBuffer: 1 << 26,
    timeout: 120_000, // one that hangs must not hang the tests
  });
  if (error) throw error;
  if (status !== 0) {
    throw new Error(`${command} ${args.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
  }
  return { stdout, stderr };
}
