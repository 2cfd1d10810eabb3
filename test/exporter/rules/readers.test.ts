import { describe, expect, it } from '@jest/globals';
import type { Attributes } from '@opentelemetry/api';
import { readerOf } from '../../../src/exporter/rules/readers.js';

describe('a reader of', () => {
  it.each<[string, Attributes, unknown]>([
    ['http.request.method', { 'http.request.method': 'POST' }, 'POST'],
    ['http.request.method', { 'http.method': 'POST' }, 'POST'],
    ['http.method', { 'http.request.method': 'POST' }, 'POST'],
    ['http.status_code', { 'http.response.status_code': 201 }, 201],
    ['client.address', { 'http.client_ip': '192.0.2.1' }, '192.0.2.1'],
    ['network.peer.address', { 'net.peer.ip': '192.0.2.1' }, '192.0.2.1'],
    ['network.peer.address', { 'net.sock.peer.addr': '192.0.2.1' }, '192.0.2.1'],
    ['url.path', { 'url.path': '/flags' }, '/flags'],
    ['url.path', { 'http.target': '/flags?token=secret' }, '/flags'],
    ['http.target', { 'url.path': '/flags' }, '/flags'],
    ['rpc.method', { 'rpc.method': 'CreateFlag' }, 'CreateFlag'],
    ['rpc.method', { 'rpc.method': 'flipt.Flipt/CreateFlag' }, 'CreateFlag'],
    ['rpc.service', { 'rpc.method': 'flipt.Flipt/CreateFlag' }, 'flipt.Flipt'],
    ['rpc.service', { 'rpc.service': 'flipt.Flipt', 'rpc.method': 'CreateFlag' }, 'flipt.Flipt'],
    ['rpc.service', { 'rpc.method': 'CreateFlag' }, undefined],
    ['rpc.grpc.status_code', { 'rpc.response.status_code': 'OK' }, 'OK'],
    ['db.operation.name', { 'db.operation': 'INSERT' }, 'INSERT'],
    ['db.collection.name', { 'db.mongodb.collection': 'flags' }, 'flags'],
    ['db.collection.name', { 'db.cassandra.table': 'flags' }, 'flags'],
    ['rpc.response.status_code', { 'rpc.connect_rpc.error_code': 'aborted' }, 'aborted'],
    ['app.list', { 'app.list': ['a', 'b'] }, ['a', 'b']],
    ['app.none', {}, undefined],
    ['constructor', {}, undefined],
    ['__proto__', {}, undefined],
    ['app.odd', { 'app.odd': { a: 1 } as never }, undefined],
    ['url.path', { 'url.path': 7 }, undefined],
  ])('%s finds in %j', (name, attributes, value) => {
    expect(readerOf(name)(attributes)).toEqual(value);
  });

  it('a name of today prefers what has it to what is older', () => {
    const both = { 'http.method': 'GET', 'http.request.method': 'POST' };
    expect(readerOf('http.method')(both)).toBe('POST');
  });
});
