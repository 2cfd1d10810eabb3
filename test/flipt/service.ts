import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import { loadSync, type Options } from '@grpc/proto-loader';
import type { FliptAuthentication } from '../../src/flipt/index.js';
import { tellAudit } from '../../src/interceptors/grpc.js';
import { failure } from '../interceptors/grpc/rig.js';

type Message = Readonly<Record<string, unknown>>;
type Method = grpc.MethodDefinition<Message, Message>;

/** Who has which token. */
const AUTHENTICATIONS: Readonly<Record<string, FliptAuthentication>> = {
  admin: { id: '1', method: 1, metadata: { 'io.flipt.auth.token.name': 'ci' } },
  ada: {
    id: '2',
    method: 2,
    metadata: {
      'io.flipt.auth.oidc.email': 'ada@example.com',
      'io.flipt.auth.oidc.name': 'Ada Lovelace',
      'io.flipt.auth.oidc.picture': 'https://example.com/ada.png',
    },
  },
  viewer: {
    id: '3',
    method: 'METHOD_GITHUB',
    metadata: {
      'io.flipt.auth.email': 'eve@example.com',
      'io.flipt.auth.github.email': 'other@example.com',
    },
  },
};

/** As Flipt has them: who somebody is, told to the audit, and then what they may do. */
export const authenticate: grpc.ServerInterceptor = (_definition, call) =>
  new grpc.ServerInterceptingCall(call, {
    start: (next) =>
      next({
        onReceiveMetadata(metadata, pass) {
          const [token] = metadata.get('authorization').map(String);
          if (token === undefined) return pass(metadata);
          // Looked up, so that what follows has been through an await.
          void Promise.resolve(AUTHENTICATIONS[token]).then((authentication) => {
            if (authentication === undefined) {
              return call.sendStatus({ code: grpc.status.UNAUTHENTICATED, details: 'who?' });
            }
            tellAudit({ authentication });
            if (token === 'viewer') {
              return call.sendStatus({ code: grpc.status.PERMISSION_DENIED, details: 'no' });
            }
            pass(metadata);
          });
        },
      }),
  });

/** How the same service looks through different settings of the loader. */
export const LOADINGS: Readonly<Record<string, Options>> = {
  'by default': {},
  'with the names of the file, enums as texts, and defaults': {
    keepCase: true,
    enums: String,
    longs: String,
    defaults: true,
    oneofs: true,
  },
};

/** Every method of Flipt's services by path, loaded from their .proto files. */
export function loadFlipt(options: Options): ReadonlyMap<string, Method> {
  const definition = loadSync(['flipt.proto', 'auth.proto'], {
    ...options,
    includeDirs: [join(process.cwd(), 'test/flipt')],
  });
  return new Map(
    Object.values(definition)
      .filter((one) => !('format' in one)) // messages and enums
      .flatMap((service) => Object.values(service as Record<string, Method>))
      .map((method) => [method.path, method]),
  );
}

/** What a handler does: answer, tell of what it deletes, or fail. */
export interface Part {
  readonly response?: Message;
  readonly deleted?: Message;
  readonly code?: number;
}

/** A server of all methods, each of which plays the part that the test gives it. */
export function fliptServer(
  methods: ReadonlyMap<string, Method>,
  interceptors: grpc.ServerInterceptor[],
  partOf: () => Part,
): grpc.Server {
  const server = new grpc.Server({ interceptors });
  for (const [path, method] of methods) {
    const handler: grpc.handleUnaryCall<Message, Message> = async (_call, callback) => {
      const { response = {}, deleted, code } = partOf();
      await new Promise(setImmediate); // as a handler that asks its store
      if (deleted !== undefined) tellAudit({ deleted });
      if (code === undefined) callback(null, response);
      else callback(failure(code));
    };
    server.register(
      path,
      handler as grpc.handleUnaryCall<unknown, unknown>,
      method.responseSerialize as grpc.serialize<unknown>,
      method.requestDeserialize,
      'unary',
    );
  }
  return server;
}

/** Calls a method; resolves with the code of the answer. */
export function callFlipt(
  port: number,
  { path, requestSerialize, responseDeserialize }: Method,
  request: Message,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const metadata = grpc.Metadata.fromHttp2Headers({ ...headers });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      (error) => {
        client.close();
        resolve(error?.code ?? 0);
      },
    );
  });
}
