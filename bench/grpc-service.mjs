import { fileURLToPath } from 'node:url';
import { loadSync } from '@grpc/proto-loader';

/** The service of examples/grpc. */
export function loadService({ loadPackageDefinition }) {
  const file = fileURLToPath(new URL('../examples/grpc/flags.proto', import.meta.url));
  return loadPackageDefinition(loadSync(file, { defaults: true })).flags.Flags;
}
