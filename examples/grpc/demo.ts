// npm run demo:grpc       starts the service, drives it, prints its audit trail, checks it
// AUDIT_FILE names another file for the audit lines, AUDIT_LEDGER another folder for the ledger.
import { existsSync, readFileSync } from 'node:fs';
import { exporter, file, provider } from './tracing.js';

const { credentials, Metadata, ServerCredentials } = await import('@grpc/grpc-js');
const { server } = await import('./server.js');
const { FlagsClient } = await import('./service.js');

const before = linesOf().length;
const port = await new Promise<number>((resolve, reject) => {
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
    error === null ? resolve(bound) : reject(error),
  );
});
const client = new FlagsClient(`127.0.0.1:${port}`, credentials.createInsecure());

await call('createFlag', 'ada', { key: 'new-checkout', name: 'New checkout' });
await call('createFlag', 'ada', { key: 'new-checkout' }); // there is one already
await call('deleteFlag', 'bob', { key: 'new-checkout' });
await call('deleteFlag', 'ada', { key: 'new-checkout' });
await call('importFlags', 'ada', { key: 'a' }, { key: 'b' }, { key: 'c' });
await call('exportFlags', '', {});
client.close();
await new Promise((resolve) => server.tryShutdown(resolve));
await exporter.forceFlush();
await provider.shutdown();

const lines = linesOf().slice(before);
console.log(`\nits audit trail, in ${file}:\n${lines.join('\n')}`);
const seen = lines.map((line) => {
  const { type, action, status, metadata, payload } = JSON.parse(line);
  return `${type}:${action} ${status} ${metadata.actor.name ?? 'nobody'} ${JSON.stringify(payload)}`;
});
const expected = [
  'flag:created success ada {"key":"new-checkout","name":"New checkout","enabled":false}',
  'flag:deleted denied bob null',
  'flag:deleted success ada {"key":"new-checkout","name":"New checkout","enabled":false}',
  'flag:imported success ada {"received":3}',
  'flag:exported success nobody {"sent":3}',
];
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.error(`expected was:\n${expected.join('\n')}\nnot:\n${seen.join('\n')}`);
  process.exitCode = 1;
}

/** Calls a method with one message, or with a stream of them, and waits for its end. */
async function call(method: string, user: string, ...messages: object[]): Promise<void> {
  const metadata = new Metadata();
  if (user !== '') metadata.set('authorization', user);
  const outcome = await new Promise<string>((resolve) => {
    const done = (error: Error | null) => resolve(error?.message ?? 'OK');
    if (method === 'importFlags') {
      const stream = client.importFlags!(metadata, done);
      for (const message of messages) stream.write(message);
      stream.end();
    } else if (method === 'exportFlags') {
      const stream = client.exportFlags!(messages[0], metadata);
      stream.resume().on('end', () => resolve('OK'));
    } else {
      client[method]!(messages[0], metadata, done);
    }
  });
  console.log(`${method} by ${user === '' ? 'nobody' : user}: ${outcome}`);
}

function linesOf(): string[] {
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
}
