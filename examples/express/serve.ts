import { EDITOR_TOKEN } from './auth.js';
import { startService } from './server.js';

/** Runs the service until Ctrl-C, or until it is told to stop. */
export async function serve(file: string, port: number): Promise<void> {
  const { url, stop } = await startService({ file, port });
  console.log(`listening on ${url}, audit lines in ${file}; Ctrl-C stops. Try:

curl -H 'authorization: Bearer ${EDITOR_TOKEN}' --json '{"key":"new-checkout"}' ${url}/flags
curl -H 'authorization: Bearer ${EDITOR_TOKEN}' -X PUT --json '{"enabled":true}' ${url}/flags/new-checkout
curl -H 'authorization: Bearer ${EDITOR_TOKEN}' ${url}/flags
curl -H 'authorization: Bearer ${EDITOR_TOKEN}' -X DELETE ${url}/flags/new-checkout
curl -X DELETE ${url}/segments/beta-users   # denied, and audited
`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await stop();
  console.log('stopped');
}
