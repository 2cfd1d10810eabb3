import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';

const folder = mkdtempSync(join(tmpdir(), 'otel-audit-grpc-exit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Runs the build, as a service would. Its one method is answered, or is not, as its request says.
const PROGRAM = `
import * as grpc from '@grpc/grpc-js';
import { SinkSpanExporter } from 'otel-audit';
import { auditGrpc } from 'otel-audit/interceptors/grpc';
const [ledger, answers] = process.argv.slice(1);
const sender = new SinkSpanExporter({ ledger, sinks: {} });
const asText = (value) => Buffer.from(String(value));
const codec = { requestSerialize: asText, requestDeserialize: String, responseSerialize: asText, responseDeserialize: String };
const service = { do: { path: '/test.Exit/Do', requestStream: false, responseStream: false, ...codec } };
const server = new grpc.Server({
  interceptors: [auditGrpc({ methods: { '/test.Exit/Do': 'thing:done' }, sender })],
});
server.addService(service, {
  do(call, callback) {
    if (answers === 'yes') {
      callback(null, 'done');
      process.exit();
    }
    client.cancel();
    call.on('cancelled', () => process.exit());
  },
});
let client;
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (_error, port) => {
  const Client = grpc.makeGenericClientConstructor(service, 'Exit');
  client = new Client('127.0.0.1:' + port, grpc.credentials.createInsecure()).do('x', () => {});
});
`;

describe('a process that exits', () => {
  it.each([
    ['in the turn in which its handler answers', 'yes', '"status":"success"'],
    ['with a call cut short whose handler has not answered', 'no', '"code":1,"error":"CANCELLED"'],
  ])('%s has recorded it', (what, answers, expected) => {
    const ledger = join(folder, answers);
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM, ledger, answers],
      { encoding: 'utf8', timeout: 30_000 },
    );
    expect({ what, status, stderr }).toEqual({ what, status: 0, stderr: '' });
    const lines = readFileSync(join(ledger, '00000000000000000001.jsonl'), 'utf8');
    expect(lines.trimEnd().split('\n')).toEqual([expect.stringContaining(expected)]);
  });
});
