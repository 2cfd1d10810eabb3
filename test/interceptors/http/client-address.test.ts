import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileTrustProxy, type TrustProxy } from '../../../src/interceptors/client-address.js';
import { auditHttp } from '../../../src/interceptors/http.js';
import { frameworks } from './frameworks.js';
import { httpRig, post } from './rig.js';

const rig = httpRig();

const address = (trust: TrustProxy | undefined, remote: string | undefined, forwarded?: string) =>
  compileTrustProxy('trustProxy', trust)(remote, forwarded);

describe('the client’s address', () => {
  it.each<
    [string, TrustProxy | undefined, string | undefined, string | undefined, string | undefined]
  >([
    ['nobody is trusted', undefined, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['an empty list', [], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['zero proxies', 0, '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['no connection any more', undefined, undefined, '1.1.1.1', undefined],
    ['a proxy on a Unix socket', 1, undefined, '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['a Unix socket, whose proxy says nothing', 1, undefined, undefined, undefined],
    ['a Unix socket, nobody counted', 0, undefined, '1.1.1.1', undefined],
    ['a Unix socket, which no list names', ['loopback'], undefined, '1.1.1.1', undefined],
    ['one proxy', 1, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['one proxy, a forged beginning', 1, '10.0.0.1', '6.6.6.6, 1.1.1.1', '1.1.1.1'],
    ['two proxies', 2, '10.0.0.1', '6.6.6.6, 1.1.1.1, 10.0.0.2', '1.1.1.1'],
    ['more proxies than hops', 3, '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['one proxy that says nothing', 1, '10.0.0.1', undefined, '10.0.0.1'],
    ['one proxy that says an empty text', 1, '10.0.0.1', '', '10.0.0.1'],
    ['one proxy that hides the client', 1, '10.0.0.1', 'unknown', '10.0.0.1'],
    ['a comma without an address', 1, '10.0.0.1', '1.1.1.1,', '10.0.0.1'],
    ['a trusted range', ['10.0.0.0/8'], '10.1.2.3', '6.6.6.6, 1.1.1.1, 10.9.9.9', '1.1.1.1'],
    ['a connection from elsewhere', ['10.0.0.0/8'], '9.9.9.9', '1.1.1.1', '9.9.9.9'],
    ['all of them trusted', ['10.0.0.0/8'], '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['a single address', ['10.0.0.1'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['a single address, another one', ['10.0.0.1'], '10.0.0.2', '1.1.1.1', '10.0.0.2'],
    ['loopback', ['loopback'], '127.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['loopback of IPv6', ['loopback'], '::1', '1.1.1.1', '1.1.1.1'],
    ['uniquelocal', ['loopback', 'uniquelocal'], '172.20.1.1', '1.1.1.1, 192.168.0.1', '1.1.1.1'],
    ['linklocal with its zone', ['linklocal'], 'fe80::1%eth0', '1.1.1.1', '1.1.1.1'],
    ['IPv4 mapped into IPv6', undefined, '::ffff:9.9.9.9', undefined, '9.9.9.9'],
    ['the same in hexadecimal', undefined, '::ffff:909:0909', undefined, '9.9.9.9'],
    ['the same at full length', undefined, '0:0:0:0:0:FFFF:9.9.9.9', undefined, '9.9.9.9'],
    ['what only looks like it', undefined, '::ffff:0:9.9.9.9', undefined, '::ffff:0:9.9.9.9'],
    ['a mapped proxy by its range', ['10.0.0.0/8'], '::ffff:10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['a proxy by its mapped range', ['::ffff:10.0.0.0/104'], '10.0.0.1', '1.1.1.1', '1.1.1.1'],
    ['IPv6', ['2001:db8::/32'], '2001:db8::7', '2001:DB9::1', '2001:db9::1'],
    ['IPv6 in brackets with a port', 1, '10.0.0.1', '[2001:db8::1]:8080', '2001:db8::1'],
    ['IPv4 with a port', 1, '10.0.0.1', '1.1.1.1:8080', '1.1.1.1'],
    ['a name', 1, '10.0.0.1', 'evil.example', '10.0.0.1'],
    ['markup', 1, '10.0.0.1', '<script>', '10.0.0.1'],
    ['a very long text', 1, '10.0.0.1', '1'.repeat(10_000), '10.0.0.1'],
  ])('with %s', (_, trust, remote, forwarded, expected) => {
    expect(address(trust, remote, forwarded)).toBe(expected);
  });

  const anyAddress = fc.oneof(fc.ipV4(), fc.ipV6());

  it('never depends on the header while nobody is trusted', () => {
    fc.assert(
      fc.property(anyAddress, fc.string(), (remote, forwarded) => {
        expect(address(undefined, remote, forwarded)).toBe(address(undefined, remote));
      }),
    );
  });

  it('never depends on what stands left of the trusted proxies’ entries', () => {
    const text = fc.oneof(anyAddress, fc.string());
    fc.assert(
      fc.property(fc.array(text), fc.ipV4(), fc.ipV4(), (forged, client, proxy) => {
        const forwarded = [...forged, client, proxy].join(', ');
        expect(address(2, '10.0.0.1', forwarded)).toBe(client);
      }),
    );
  });

  it.each<[unknown, string]>([
    [true, 'auditHttp.trustProxy must be the number of proxies or a list of their addresses'],
    ['10.0.0.0/8', 'auditHttp.trustProxy must be the number of proxies or a list'],
    [-1, 'auditHttp.trustProxy must be a whole number from 0 to 32, not -1'],
    [1.5, 'auditHttp.trustProxy must be a whole number from 0 to 32, not 1.5'],
    [['10.0.0.0/33'], 'auditHttp.trustProxy[0] must be an address, a range'],
    [['10.0.0.1', 'proxy.example'], 'auditHttp.trustProxy[1] must be an address, a range'],
    [['10.0.0.0/'], 'auditHttp.trustProxy[0] must be an address, a range'],
    [['10.0.0.0/8/8'], 'auditHttp.trustProxy[0] must be an address, a range'],
    [['::ffff:10.0.0.0/90'], 'auditHttp.trustProxy[0] is wider than IPv4'],
    [[null], 'auditHttp.trustProxy[0] must be an address, a range'],
  ])('refuses %j', (trustProxy, message) => {
    const options = { routes: {}, trustProxy: trustProxy as TrustProxy };
    expect(() => auditHttp(options, () => {})).toThrow(message);
  });

  it.each(Object.entries(frameworks))(
    'is not forged by a header in %s',
    async (_name, framework) => {
      const routes = { 'POST /status/:status': 'thing:change' };
      const forged = `${['x-forwarded-for: 6.6.6.6', 'x-real-ip: 6.6.6.6', 'forwarded: for=6.6.6.6', 'x-forwarded-for: 7.7.7.7'].join('\r\n')}\r\n`;
      for (const [trustProxy, ip] of [
        [undefined, '127.0.0.1'],
        [['loopback'], '7.7.7.7'],
        [1, '7.7.7.7'],
        [['10.0.0.0/8'], '127.0.0.1'],
      ] as const) {
        const running = await rig.start(framework, { routes, trustProxy });
        const closed = running.nextClose();
        await running.raw(post('/status/403', forged));
        await closed;
        expect((await rig.events()).at(-1)?.metadata).toEqual({ actor: { ip } });
      }
    },
  );
});
