// npm run demo                drives the service, prints each audit line, checks the numbers
// npm run demo -- --serve     only starts it, on PORT (3000), for curl
// AUDIT_FILE names another file for the audit lines, AUDIT_LEDGER another folder for the ledger.
import { fileURLToPath } from 'node:url';
import { drive } from './drive.js';
import { serve } from './serve.js';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const places = {
  ledger: process.env.AUDIT_LEDGER ?? here('audit'),
  file: process.env.AUDIT_FILE ?? here('audit.jsonl'),
};

const serving = process.argv.includes('--serve');
const fine = await (serving ? serve(places, process.env.PORT || '3000') : drive(places));
if (!fine) process.exitCode = 1;
