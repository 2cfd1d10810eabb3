import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** An event as Go's decoder takes it; the payload is JSON text. */
export interface GoEvent {
  readonly type: string;
  readonly action: string;
  readonly status: string;
  readonly timestamp: string;
  readonly actor: Readonly<Record<string, string>>;
  readonly payload: string;
}

export interface GoCase {
  readonly template: string;
  readonly event: GoEvent;
}

export interface GoResult {
  readonly parses: boolean;
  readonly runs: boolean;
  readonly text: string;
  readonly error: string;
}

/** Whether Go is found on this machine. */
export const hasGo = spawnSync('go', ['version']).status === 0;

/** Go's text/template as a program. */
export class GoTemplate {
  readonly #folder = mkdtempSync(join(tmpdir(), 'go-template-'));

  constructor() {
    const env = { ...process.env, GOFLAGS: '-mod=mod', GOWORK: 'off', GOTOOLCHAIN: 'local' };
    const cwd = join(__dirname, 'go');
    execFileSync('go', ['build', '-o', this.#program, '.'], { cwd, env, timeout: 120_000 });
  }

  get #program(): string {
    return join(this.#folder, 'render');
  }

  run(cases: readonly GoCase[]): GoResult[] {
    const input = cases.map(lineOf).join('\n');
    const output = execFileSync(this.#program, {
      input,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      timeout: 60_000,
    });
    return output
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as GoResult);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function lineOf({ template, event }: GoCase): string {
  const { payload, actor, ...words } = event;
  const rest = JSON.stringify({ version: '0.2', ...words, metadata: { actor } }).slice(0, -1);
  return `{"template":${JSON.stringify(template)},"event":${rest},"payload":${payload}}}`;
}
