// One of the servers of bench/grpc.mjs: a gRPC service, audited or not. Its handler does what that of a service
// does: who calls is known by a token; the message is validated; the flag is looked up, written with a commit that
// is on disk, and answered as it is stored.
import { createRequire } from 'node:module';
import { GrpcInstrumentation } from '@opentelemetry/instrumentation-grpc';
import { FlagStore, NewFlag } from './flag-store.mjs';
import { loadService } from './grpc-service.mjs';
import { bareAudit, folder, isAudited, serveBench, startTracing } from './traced-server.mjs';

await startTracing([new GrpcInstrumentation()]);
const grpc = createRequire(import.meta.url)('@grpc/grpc-js'); // patched as it is required

const users = new Map([['Bearer ada', 'ada']]);
const userOf = (metadata) => users.get(metadata.get('authorization')[0]);
const interceptors = [];
if (isAudited) {
  const { auditGrpc } = await import('otel-audit/interceptors/grpc');
  interceptors.push(
    auditGrpc({
      methods: { '/flags.Flags/CreateFlag': { event: 'flag:create', payload: 'response' } },
      actor: ({ metadata }) => ({ authentication: 'token', name: userOf(metadata) }),
      trustProxy: 1,
    }),
  );
}
const server = new grpc.Server({ interceptors });
server.addService(loadService(grpc).service, {
  createFlag: createFlag(),
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  serveBench(port);
});

function createFlag() {
  const { ALREADY_EXISTS, INTERNAL, INVALID_ARGUMENT, UNAUTHENTICATED } = grpc.status;
  const store = new FlagStore(folder);
  return (call, callback) => {
    const { request, metadata } = call;
    if (userOf(metadata) === undefined) {
      callback({ code: UNAUTHENTICATED, details: 'who are you?' });
      return;
    }
    const asked = NewFlag.safeParse(request);
    if (!asked.success) {
      callback({ code: INVALID_ARGUMENT, details: asked.error.message });
      return;
    }
    store.create(asked.data).then(
      (flag) => {
        if (flag === undefined) {
          callback({ code: ALREADY_EXISTS, details: 'there is one already' });
          return;
        }
        callback(null, flag);
        const actor = { authentication: 'token', ip: call.getPeer(), name: userOf(metadata) };
        bareAudit?.add('flag', 'created', actor, flag);
      },
      () => callback({ code: INTERNAL, details: 'not stored' }),
    );
  };
}
