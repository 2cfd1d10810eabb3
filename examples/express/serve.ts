import { EDITOR_TOKEN } from './auth.js';
import { type Service, startService } from './server.js';

export interface Places {
  /** The ledger's folder. */
  readonly ledger: string;
  /** Where the audit lines go. */
  readonly file: string;
}

/** Runs the service until Ctrl-C, or until it is told to stop; false when it cannot start. */
export async function serve({ ledger, file }: Places, port: string): Promise<boolean> {
  let service: Service;
  try {
    service = await startService({ ledger, file, port: parsePort(port) });
  } catch (error) {
    console.error(`cannot start: ${reasonOf(error, port)}`);
    return false;
  }
  const { url, stop } = service;
  const auth = `-H 'authorization: Bearer ${EDITOR_TOKEN}'`;
  const json = "-H 'content-type: application/json'";
  console.log(`listening on ${url}, audit lines in ${file}, ledger in ${ledger}; Ctrl-C stops. Try:

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
  return true;
}

const CHOOSE = 'choose a port with PORT=3001, for example, or any free one with PORT=0';

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= 65_535) return port;
  throw new Error(`port ${text} is not a whole number from 0 to 65535; ${CHOOSE}`);
}

function reasonOf(error: unknown, port: string): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen') return message;
  if (code === 'EADDRINUSE') return `port ${port} is in use; stop what listens there, or ${CHOOSE}`;
  return `port ${port} cannot be opened (${code}); ${CHOOSE}`;
}
