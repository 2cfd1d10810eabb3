// Runs what docs/cli.md shows at a prompt, on a ledger made for it, and writes what it printed below, and the
// pictures beside it. A test compares both with what stands in the repository.
//   npm run docs:cli
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEMO_KEY, makeDemoLedger } from '../test/cli/support/demo-ledger.js';
import { otelAudit } from '../test/cli/support/otel-audit.js';
import { terminalPicture } from './terminal-picture.js';

/** Where what is generated stands. */
export const filesIn = (root: string) => ({
  guide: join(root, 'docs/cli.md'),
  picture: (name: string) => join(root, `docs/images/${name}.svg`),
});

/** The pictures, by name: what stands at the prompt. */
export const PICTURES: Readonly<Record<string, string>> = {
  'cli-tail': 'otel-audit tail audit -n 8',
  'cli-show': 'otel-audit show audit 17',
  'cli-stats': 'otel-audit stats audit',
  'cli-broken': 'otel-audit verify tampered',
};

const COLUMNS = 100;
const PROMPT = '$ ';
const NOW = Date.UTC(2026, 10, 25, 1);
const CONFIG = `audit:
  ledger: audit
  sinks:
    webhook:
      enabled: true
      url: https://siem.example.com/audit
`;

/** The text of docs/cli.md, with what its commands print, and the pictures by name. */
export async function generate(
  guide: string,
): Promise<{ readonly guide: string; readonly pictures: Readonly<Record<string, string>> }> {
  const home = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), 'otel-audit-docs-'));
  try {
    process.chdir(folder); // so that paths are short, as a reader's
    await makeDemoLedger('audit');
    writeFileSync('audit.pub', DEMO_KEY.public);
    writeFileSync('audit.yaml', CONFIG);
    const parts: string[] = [];
    let block: string | undefined;
    for (const line of guide.split('\n')) {
      const fence = /^```(\S*)/.exec(line)?.[1];
      if (fence !== undefined) block = block === undefined ? fence : undefined;
      if (block !== 'console' || line.startsWith('```')) parts.push(line);
      else if (line.startsWith(PROMPT)) parts.push(line, ...(await run(line.slice(PROMPT.length))));
    }
    const pictures: Record<string, string> = {};
    for (const [name, command] of Object.entries(PICTURES)) {
      const lines = await run(command, true);
      pictures[name] = terminalPicture(command, [`${PROMPT}${command}`, ...lines], COLUMNS);
    }
    return { guide: parts.join('\n'), pictures };
  } finally {
    process.chdir(home);
    rmSync(folder, { recursive: true });
  }
}

/** The lines that a command prints; one that is not ours is the shell's. */
async function run(command: string, isColoured = false): Promise<string[]> {
  const [program, ...args] = [...command.matchAll(/'([^']*)'|\S+/g)].map((m) => m[1] ?? m[0]);
  if (program === 'otel-audit' && !command.includes('|')) {
    const env = isColoured ? {} : { NO_COLOR: '1' };
    const { out, err } = await otelAudit(args, { columns: COLUMNS, env, now: NOW });
    return [...out, ...err.split('\n').slice(0, -1)];
  }
  const { stdout, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  return `${stdout}${stderr}`.split('\n').slice(0, -1);
}

async function write(root: string): Promise<void> {
  const files = filesIn(root);
  const { guide, pictures } = await generate(readFileSync(files.guide, 'utf8'));
  writeFileSync(files.guide, guide);
  for (const [name, svg] of Object.entries(pictures)) writeFileSync(files.picture(name), svg);
}

if (process.argv[1]?.endsWith('cli-docs.ts')) void write(dirname(dirname(process.argv[1])));
