import { readFileSync, statSync } from 'node:fs';
import { EDITOR_TOKEN, VIEWER_TOKEN } from './auth.js';
import type { Places } from './serve.js';
import { type Service, startService } from './server.js';

interface Step {
  readonly method: string;
  readonly path: string;
  readonly token?: string;
  readonly body?: unknown;
  /** The HTTP status that must come back. */
  readonly status: number;
  /** Whether an audit event must be recorded. */
  readonly audited: boolean;
}

const token = EDITOR_TOKEN;

const STEPS: readonly Step[] = [
  ...stepsFor('/flags', 'new-checkout'),
  ...stepsFor('/segments', 'beta-users'),
  // Nobody, then somebody who may only read.
  { method: 'POST', path: '/flags', body: { key: 'free-lunch' }, status: 401, audited: true },
  { method: 'DELETE', path: '/segments/all', token: VIEWER_TOKEN, status: 403, audited: true },
];

function stepsFor(path: string, key: string): Step[] {
  const item = `${path}/${key}`;
  return [
    { method: 'POST', path, token, body: { key, name: key }, status: 201, audited: true },
    { method: 'PUT', path: item, token, body: { enabled: true }, status: 200, audited: true },
    { method: 'GET', path, token, status: 200, audited: false },
    { method: 'DELETE', path: item, token, status: 204, audited: true },
  ];
}

/** Drives the service with real requests; false when the numbers do not match. */
export async function drive({ ledger, file }: Places): Promise<boolean> {
  const before = countLines(file);
  let service: Service;
  try {
    service = await startService({ ledger, file, port: 0 });
  } catch (error) {
    console.error(`cannot start: ${(error as Error).message}`); // the ledger is in use, for example
    return false;
  }
  let answered = true;
  for (const step of STEPS) {
    const status = await send(service.url, step);
    if (status === step.status) continue;
    answered = false;
    console.error(`${step.method} ${step.path}: ${status}, not ${step.status}`);
  }
  // With a sink that does not work this takes ten seconds, and what it lacks is for the next run.
  await service.stop().catch((error: unknown) => console.error(`while stopping: ${error}`));

  const recorded = service.exporter.stats().emitted;
  const { owed, shown: receipts } = service;
  const last = receipts.at(-1);
  const delivered = service.exporter.stats().sinks.file?.delivered ?? 0;
  const after = countLines(file);
  const written = after - before;
  console.log(`
requests made     ${STEPS.length}
events recorded   ${recorded}
receipts          ${receipts.length}, the last for record ${last?.sequence} with hash ${last?.hash}
ledger            ${ledger} (${ofThisRun(last?.sequence ?? 0, recorded, 'records')})
events delivered  ${delivered}${owed === 0 ? '' : `, ${owed} of them from earlier runs`}
file written      ${file} (${ofThisRun(after, written, 'lines')})`);

  const expected = STEPS.filter(({ audited }) => audited).length;
  const isComplete =
    recorded === expected &&
    receipts.length === expected &&
    delivered === expected + owed &&
    written === expected + owed;
  if (!isComplete) console.error(`the numbers do not match: ${expected} events were expected`);
  return answered && isComplete;
}

const ofThisRun = (all: number, own: number, what: string): string =>
  all === own ? `${all} ${what}` : `${all} ${what}, ${own} from this run`;

async function send(url: string, { method, path, token, body }: Step): Promise<number> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await response.arrayBuffer();
  return response.status;
}

function countLines(file: string): number {
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  return isFile ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
}
