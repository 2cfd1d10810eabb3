import { spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const root = process.cwd();

/** What a program came to. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with an application, the built package, and one SDK of test/compat or none. */
export class Application {
  readonly folder = mkdtempSync(join(tmpdir(), 'otel-audit-register-'));

  /** @param sdk a folder of test/compat; undefined: OpenTelemetry's API alone */
  constructor(sdk: string | undefined) {
    const modules = join(this.folder, 'node_modules');
    mkdirSync(join(modules, 'otel-audit'), { recursive: true });
    cpSync(join(root, 'package.json'), join(modules, 'otel-audit/package.json'));
    // Copied, for Node looks for what a linked file imports from where it really lies.
    cpSync(join(root, 'dist'), join(modules, 'otel-audit/dist'), { recursive: true });
    symlinkSync(join(root, 'node_modules/zod'), join(modules, 'zod'));
    if (sdk === undefined) {
      mkdirSync(join(modules, '@opentelemetry'));
      symlinkSync(
        join(root, 'node_modules/@opentelemetry/api'),
        join(modules, '@opentelemetry/api'),
      );
    } else {
      const packages = join(root, 'test/compat', sdk, 'node_modules/@opentelemetry');
      const target = join(modules, '@opentelemetry');
      // A bare SDK is small, and copied: its link would lead to where more is installed.
      if (sdk.startsWith('sdk-trace')) cpSync(packages, target, { recursive: true });
      else symlinkSync(packages, target);
    }
    this.write('audit.json', JSON.stringify({ audit: { ledger: './audit' } }));
  }

  write(name: string, content: string): void {
    writeFileSync(join(this.folder, name), content);
  }

  async run(
    args: readonly string[],
    env: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Ran> {
    const child = spawn(process.execPath, args, {
      cwd: this.folder,
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        OTEL_AUDIT_CONFIG: 'audit.json',
        OTEL_METRICS_EXPORTER: 'none',
        OTEL_LOGS_EXPORTER: 'none',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 60_000,
    });
    const code = new Promise<number | null>((resolve) => child.once('close', resolve));
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { code: await code, stdout, stderr };
  }

  /** The payloads of the events in the ledger. */
  payloads(): unknown[] {
    const ledger = join(this.folder, 'audit');
    if (!existsSync(ledger)) return [];
    return readdirSync(ledger)
      .filter((name) => name.endsWith('.jsonl'))
      .flatMap((name) => readFileSync(join(ledger, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line).event.payload);
  }

  /** Whether a writer has the ledger. */
  get isLocked(): boolean {
    return existsSync(join(this.folder, 'audit/lock'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
