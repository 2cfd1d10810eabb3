// npm run demo                drives the service, prints each audit line, checks the numbers
// npm run demo -- --serve     only starts it, on PORT (3000), for curl
// AUDIT_FILE names another file for the audit lines.
import { fileURLToPath } from 'node:url';
import { drive } from './drive.js';
import { serve } from './serve.js';

const file = process.env.AUDIT_FILE ?? fileURLToPath(new URL('audit.jsonl', import.meta.url));

const serving = process.argv.includes('--serve');
const fine = await (serving ? serve(file, process.env.PORT || '3000') : drive(file));
if (!fine) process.exitCode = 1;
