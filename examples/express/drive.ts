import { readFileSync, statSync } from 'node:fs';
import { EDITOR_TOKEN, VIEWER_TOKEN } from './auth.js';
import { startService } from './server.js';

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
export async function drive(file: string): Promise<boolean> {
  const before = countLines(file);
  const service = await startService({ file, port: 0 });
  let answered = true;
  for (const step of STEPS) {
    const status = await send(service.url, step);
    if (status === step.status) continue;
    answered = false;
    console.error(`${step.method} ${step.path}: ${status}, not ${step.status}`);
  }
  // A last batch that was not stored rejects here; the numbers below then do not match.
  await service.stop().catch((error: unknown) => console.error(`while stopping: ${error}`));

  const recorded = service.counts().onSpan;
  const delivered = service.exporter.stats().sinks.file?.delivered ?? 0;
  const after = countLines(file);
  const written = after - before;
  const lines = before === 0 ? `${written} lines` : `${after} lines, ${written} from this run`;
  console.log(`
requests made     ${STEPS.length}
events recorded   ${recorded}
events delivered  ${delivered}
file written      ${file} (${lines})`);

  const expected = STEPS.filter(({ audited }) => audited).length;
  const complete = [recorded, delivered, written].every((count) => count === expected);
  if (!complete) console.error(`the numbers do not match: ${expected} events were expected`);
  return answered && complete;
}

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
