import type { ReadableSpan } from '../span.js';
import { readerOf } from './readers.js';

/** How what a span stands for ended. */
export type SpanOutcome = 'success' | 'denied' | 'failed';

const readHttp = readerOf('http.response.status_code');
const readRpc = readerOf('rpc.response.status_code');
/** UNAUTHENTICATED and PERMISSION_DENIED of google.rpc.Code, by number and by name. */
const RPC_DENIED = ['7', '16', 'permission_denied', 'unauthenticated'];
const RPC_OK = ['0', 'ok'];
const ERROR = 2; // SpanStatusCode

/**
 * `denied` for HTTP 401 and 403 and the codes of gRPC and Connect that say the same, `failed` for every
 * other HTTP status from 400, RPC code, and span whose status is an error; otherwise `success`.
 */
export function outcomeOf({ attributes = {}, status }: ReadableSpan): SpanOutcome {
  const http = Number(readHttp(attributes));
  if (http === 401 || http === 403) return 'denied';
  const rpc = String(readRpc(attributes) ?? 'ok').toLowerCase();
  if (RPC_DENIED.includes(rpc)) return 'denied';
  return http >= 400 || !RPC_OK.includes(rpc) || status?.code === ERROR ? 'failed' : 'success';
}
