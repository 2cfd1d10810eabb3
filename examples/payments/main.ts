// npm run demo:payments
// Pays while the ledger is well, then with a full disk, then with a ledger that somebody else has taken over.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPayments } from './service.js';

const folder = mkdtempSync(join(tmpdir(), 'payments-'));
let isRight = true;

async function pay(url: string, headers: Record<string, string> = { authorization: 'Bearer ada' }) {
  const body = JSON.stringify({ to: 'DE89370400440532013000', cents: 1999, text: 'x'.repeat(400) });
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}

/** What the ledger knows: how many payments were ordered, made, … */
function recorded(ledger: string): string {
  const counts = new Map<string, number>();
  for (const name of readdirSync(ledger).filter((name) => /^\d{20}\.jsonl$/.test(name))) {
    const lines = readFileSync(join(ledger, name), 'utf8').split('\n');
    for (const line of lines.slice(0, -1)) {
      const { action, status } = JSON.parse(line).event;
      counts.set(`${action} ${status}`, (counts.get(`${action} ${status}`) ?? 0) + 1);
    }
  }
  return [...counts].map(([what, count]) => `${count} ${what}`).join(', ') || 'nothing';
}

function report(name: string, statuses: readonly number[], spent: number, ledger: string): void {
  const answered = (status: number) => statuses.filter((one) => one === status).length;
  console.log(`${name}
  answered   ${[201, 401, 503].map((status) => `${status}: ${answered(status)}`).join(', ')}
  paid       ${spent / 1999} of ${statuses.length}
  recorded   ${recorded(ledger)}`);
}

async function payInGoodHealth(): Promise<void> {
  const ledger = join(folder, 'well');
  const payments = await startPayments(ledger);
  const statuses = [await pay(payments.url), await pay(payments.url), await pay(payments.url, {})];
  report('the ledger is well', statuses, payments.spent(), ledger);
  isRight &&= statuses.join() === '201,201,401' && payments.spent() === 2 * 1999;
  await payments.stop();
}

async function payOnAFullDisk(): Promise<void> {
  const ledger = join(folder, 'full');
  const child = spawn(
    'sh',
    [
      '-c',
      'ulimit -f 1; exec "$@"',
      'sh',
      process.execPath,
      ...process.execArgv,
      fileURLToPath(new URL('full.ts', import.meta.url)),
      ledger,
    ],
    {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, TSX_DISABLE_CACHE: '1' },
    },
  );
  const [url] = (await once(child, 'message')) as [string];
  const statuses: number[] = [];
  for (let n = 0; n < 3; n += 1) statuses.push(await pay(url));
  child.send('spent?');
  const [spent] = (await once(child, 'message')) as [number];
  report('the disk is full', statuses, spent, ledger);
  isRight &&= statuses.join() === '503,503,503' && spent === 0;
  child.disconnect();
  await once(child, 'exit');
}

async function payWithoutTheLock(): Promise<void> {
  const ledger = join(folder, 'locked');
  const payments = await startPayments(ledger);
  const statuses = [await pay(payments.url)];
  rmSync(join(ledger, 'lock')); // as another process does that takes the ledger over
  statuses.push(await pay(payments.url));
  report('the ledger belongs to somebody else', statuses, payments.spent(), ledger);
  isRight &&= statuses.join() === '201,503' && payments.spent() === 1999;
  await payments.stop().catch(() => {}); // it says once more that it has no ledger
}

await payInGoodHealth();
if (process.platform !== 'win32') await payOnAFullDisk();
await payWithoutTheLock();
rmSync(folder, { recursive: true });
console.log(isRight ? 'nothing was paid that is not in the ledger' : 'that was not to be expected');
if (!isRight) process.exitCode = 1;
