import { EDITOR_TOKEN } from './auth.js';
import { startService } from './server.js';

/** Runs the service until Ctrl-C, or until it is told to stop. */
export async function serve(file: string, port: number): Promise<void> {
  const { url, stop } = await startService({ file, port });
  const auth = `-H 'authorization: Bearer ${EDITOR_TOKEN}'`;
  const json = "-H 'content-type: application/json'";
  console.log(`listening on ${url}, audit lines in ${file}; Ctrl-C stops. Try:

curl ${auth} ${json} -d '{"key":"new-checkout"}' ${url}/flags
curl ${auth} ${json} -X PUT -d '{"enabled":true}' ${url}/flags/new-checkout
curl ${auth} ${url}/flags
curl ${auth} -X DELETE ${url}/flags/new-checkout
curl -X DELETE ${url}/segments/beta-users   # denied, and audited
`);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await stop();
  console.log('stopped');
}
