// Runs the built package against one tracing SDK, as a user who has that SDK would:
//
//   node test/compat/run.mjs sdk-trace-3
//
// Plain JavaScript, so that any Node runs it by itself. Fails by exit code and message.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(dirname(here));
const sdk = process.argv[2] ?? '';

const folder = mkdtempSync(join(tmpdir(), 'otel-audit-compat-'));
try {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'otel-audit'), { recursive: true });
  cpSync(join(root, 'package.json'), join(modules, 'otel-audit/package.json'));
  cpSync(join(root, 'dist'), join(modules, 'otel-audit/dist'), { recursive: true });
  symlinkSync(
    join(here, sdk, 'node_modules/@opentelemetry'),
    join(modules, '@opentelemetry'),
    'dir',
  );
  for (const file of ['app.mjs', 'capture.mjs', 'rules.mjs'])
    cpSync(join(here, file), join(folder, file));
  const { checkSdk } = await import(pathToFileURL(join(folder, 'app.mjs')).href);
  await checkSdk(sdk.startsWith('sdk-trace-base') ? 'sdk-trace-base' : 'sdk-trace');
  console.log(`${sdk} works under Node ${process.versions.node}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
