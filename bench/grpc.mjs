// An audited call to a gRPC server against the same call that is traced and not audited.
import * as grpcJs from '@grpc/grpc-js';
import { loadService } from './grpc-service.mjs';
import { compareServers } from './servers.mjs';

export function grpc(settings) {
  return compareServers('gRPC', { script: 'grpc-server.mjs', connect }, settings);
}

// Of all clients, for a key is created once.
let count = 0;

// One connection carries any number of calls.
async function connect(port) {
  const Flags = loadService(grpcJs);
  const client = new Flags(`127.0.0.1:${port}`, grpcJs.credentials.createInsecure());
  return {
    request: () =>
      new Promise((resolve, reject) => {
        count += 1;
        const flag = { key: `checkout-${count}`, name: 'New checkout', enabled: true };
        const metadata = new grpcJs.Metadata();
        metadata.set('authorization', 'Bearer ada');
        metadata.set('x-forwarded-for', '192.0.2.1');
        client.createFlag(flag, metadata, (error) => (error === null ? resolve() : reject(error)));
      }),
    close: () => client.close(),
  };
}
