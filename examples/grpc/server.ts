import { Server, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { auditGrpc, type GrpcCall, tellAudit } from 'otel-audit/interceptors/grpc';
import { type Flag, handlers, service } from './service.js';

/** What is audited of which method; nothing of a message is recorded that is not named here. */
const audit = auditGrpc({
  methods: {
    '/flags.Flags/CreateFlag': {
      event: 'flag:create',
      payload: ({ response }: GrpcCall<Flag, Flag>) => response,
    },
    '/flags.Flags/DeleteFlag': { event: 'flag:delete', payload: 'deleted' },
    '/flags.Flags/ImportFlags': {
      event: 'flag:imported',
      payload: ({ received }) => ({ received }),
    },
    '/flags.Flags/ExportFlags': { event: 'flag:exported', payload: ({ sent }) => ({ sent }) },
  },
  trustProxy: ['loopback'],
});

/** A stand-in for a real one: the token is the name, and only ada may change anything. */
const authenticate: ServerInterceptor = ({ path }, call) =>
  new ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata(metadata, pass) {
          const name = String(metadata.get('authorization')[0] ?? '');
          tellAudit({ actor: { authentication: name === '' ? 'none' : 'token', name } });
          if (name === 'ada' || path.endsWith('/ExportFlags')) return pass(metadata);
          call.sendStatus({ code: status.PERMISSION_DENIED, details: 'ask ada' });
        },
      }),
  });

export const server = new Server({ interceptors: [audit, authenticate] });
server.addService(service, handlers);
