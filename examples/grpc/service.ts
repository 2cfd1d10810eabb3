// The service. Its handlers know nothing of an audit, but for one that tells what it deletes.
import { fileURLToPath } from 'node:url';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { tellAudit } from 'otel-audit/interceptors/grpc';

export interface Flag {
  readonly key: string;
  readonly name: string;
  readonly enabled: boolean;
}

const file = fileURLToPath(new URL('flags.proto', import.meta.url));
const loaded = grpc.loadPackageDefinition(loadSync(file, { defaults: true }));
export const FlagsClient = (loaded.flags as grpc.GrpcObject).Flags as grpc.ServiceClientConstructor;
export const { service } = FlagsClient;

const flags = new Map<string, Flag>();
const failed = (code: grpc.status, details: string) =>
  Object.assign(new Error(details), { code, details });

export const handlers = {
  createFlag({ request }, callback) {
    if (flags.has(request.key)) return callback(failed(grpc.status.ALREADY_EXISTS, 'it is there'));
    flags.set(request.key, request);
    callback(null, request);
  },
  deleteFlag({ request }, callback) {
    const deleted = flags.get(request.key);
    if (deleted === undefined) return callback(failed(grpc.status.NOT_FOUND, 'there is none'));
    tellAudit({ deleted });
    flags.delete(request.key);
    callback(null, {});
  },
  importFlags(call, callback) {
    let count = 0;
    call.on('data', (flag) => {
      flags.set(flag.key, flag);
      count += 1;
    });
    call.on('end', () => callback(null, { count }));
  },
  exportFlags(call) {
    for (const flag of flags.values()) call.write(flag);
    call.end();
  },
} satisfies {
  createFlag: grpc.handleUnaryCall<Flag, Flag>;
  deleteFlag: grpc.handleUnaryCall<{ key: string }, object>;
  importFlags: grpc.handleClientStreamingCall<Flag, { count: number }>;
  exportFlags: grpc.handleServerStreamingCall<object, Flag>;
};
