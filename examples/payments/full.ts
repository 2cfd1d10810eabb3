// Run by main.ts in a process whose files hold no whole record: what a full disk is to the ledger.
import { startPayments } from './service.js';

const payments = await startPayments(process.argv[2]!);
process.send!(payments.url);
process.on('message', () => process.send!(payments.spent()));
process.on('disconnect', () => process.exit());
