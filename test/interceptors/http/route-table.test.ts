import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compileRoutes } from '../../../src/interceptors/http/route-table.js';
import { frameworks } from './frameworks.js';
import { brief, httpRig } from './rig.js';

const rig = httpRig();

const table = (...routes: string[]) =>
  compileRoutes(
    'routes',
    routes.map((route) => [route, route]),
  );

describe('a route', () => {
  it.each([
    ['POST /flags', 'POST', '/flags', {}],
    ['POST /flags', 'POST', '/flags?key=a/b', {}],
    ['POST /flags', 'POST', '/Flags/', {}],
    ['post /Flags/', 'POST', '/flags', {}],
    ['POST /flags', 'POST', '//flags//', {}],
    ['POST /flags', 'POST', '/%66lags', {}],
    ['POST /flags', 'POST', 'http://evil.example/flags?x', {}],
    ['POST /flags', 'POST', '/x/../flags', {}],
    ['POST /flags', 'POST', `${'/x/..'.repeat(1000)}/flags`, {}],
    ['POST /a/flags', 'POST', '/a//../flags', {}],
    ['POST /flags', 'POST', '/x/%2E%2e/./flags', {}],
    ['POST /flags', 'POST', '/flags#x', {}],
    ['POST /flags', 'POST', '\\flags', {}],
    ['GET /', 'GET', '/', {}],
    ['GET /', 'GET', 'http://here', {}],
    ['GET /flags', 'HEAD', '/flags', {}],
    ['* /flags', 'PURGE', '/flags', {}],
    ['PUT /flags/:key', 'PUT', '/flags/A%2fb', { key: 'A/b' }],
    ['PUT /flags/:key', 'PUT', '/flags/%zz', { key: '%zz' }],
    ['PUT /:a/x/:b', 'PUT', '/1/X/2', { a: '1', b: '2' }],
    ['PUT /flags/:__proto__', 'PUT', '/flags/x', { ['__proto__']: 'x' }],
    ['* /admin/*', 'GET', '/admin/a/b/c', {}],
    ['* /admin/*', 'GET', '/admin', {}],
    ['* /*', 'GET', '/', {}],
    ['OPTIONS /*', 'OPTIONS', '*', {}],
  ])('%s matches %s %s', (route, method, target, params) => {
    const match = table(route).find(method, target);
    expect(match?.route).toBe(route);
    expect({ ...match?.params }).toEqual({ ...params });
  });

  it.each([
    ['POST /flags', 'GET', '/flags'],
    ['POST /flags', 'POST', '/flag'],
    ['POST /flags', 'POST', '/flags/a'],
    ['POST /flags/:key', 'POST', '/flags'],
    ['POST /flags/:key', 'POST', '/flags/a/b'],
    ['HEAD /flags', 'GET', '/flags'],
    ['* /admin/*', 'GET', '/administration'],
  ])('%s does not match %s %s', (route, method, target) => {
    expect(table(route).find(method, target)).toBeUndefined();
  });

  it('that is the most exact goes first, whatever the order', () => {
    const { find } = table(
      '* /*',
      '* /flags/search',
      'POST /flags/:key/*',
      'POST /flags/:key',
      'POST /flags/search',
      'POST /flags/search/:deep/x',
    );
    const found = (method: string, path: string) => find(method, path)?.route;
    expect(found('POST', '/flags/search')).toBe('POST /flags/search');
    expect(found('POST', '/flags/other')).toBe('POST /flags/:key');
    expect(found('POST', '/flags/search/a/y')).toBe('POST /flags/:key/*'); // turns back from a dead end
    expect(found('PUT', '/flags/search')).toBe('* /flags/search');
    expect(found('GET', '/')).toBe('* /*');
  });

  it('is found by the framework’s own, where the path does not tell', () => {
    const { find } = table('POST /flags/:key');
    expect(find('POST', '/rewritten', { pattern: '/flags/:id' })?.route).toBe('POST /flags/:key');
    expect(find('POST', '/rewritten', { pattern: '/flags' })).toBeUndefined();
  });

  it('is that of the path which is routed by, not of one that hides it', () => {
    const { find } = table('POST /public/*', 'POST /flags');
    const found = (target: string, routed?: string) => find('POST', target, { routed })?.route;
    expect(found('/public/../flags')).toBe('POST /flags');
    expect(found('/public/%2E%2e/flags')).toBe('POST /flags');
    expect(found('/public/../flags', '/public/../flags')).toBe('POST /public/*');
    expect(found('/public/../flags', '/flags')).toBe('POST /flags');
    expect(found('/v1/flags', '/flags?x=/public/')).toBe('POST /flags');
    expect(found('/flags', '/elsewhere')).toBe('POST /flags');
  });

  it.each([
    ['flags', 'routes["flags"] must be a method, a space and a path, as \'POST /flags\''],
    ['POST flags', 'must be a method'],
    ['POST  /flags', 'must be a method'],
    ['POST /a b', 'must be a method'],
    ['/flags', 'must be a method'],
    ['POST /flags/*/x', "may have '*' only at its end"],
    ['POST /flags/:', 'a parameter is a whole segment with a name of its own'],
    ['POST /flags/:key.json', 'a parameter is a whole segment'],
    ['POST /:a/:a', 'a parameter is a whole segment'],
    ['POST /flags{/:key}', 'a segment is a text'],
    ['POST /flags/(.*)', 'a segment is a text'],
    ['POST /flags?', 'a segment is a text'],
    ['POST /a:b', 'a segment is a text'],
  ])('%j is refused', (route, message) => {
    expect(() => table(route)).toThrow(message);
  });

  it.each([
    ['POST /flags/:a', 'POST /FLAGS/:b'],
    ['POST /flags', 'post /flags/'],
    ['* /*', '* /*/'],
  ])('%s beside %s is refused', (first, second) => {
    expect(() => table(first, second)).toThrow(`matches the same requests as "${first}"`);
  });

  it('is looked for in anything without a throw', () => {
    const { find } = table('* /a/:b/*', 'GET /', 'POST /flags');
    fc.assert(fc.property(fc.string(), fc.string(), (method, target) => void find(method, target)));
    expect(find('GET', '/'.repeat(100_000))?.route).toBe('GET /');
    expect(find('GET', `/a${'/b'.repeat(100_000)}`)?.route).toBe('* /a/:b/*');
  });
});

describe.each(Object.entries(frameworks))('%s', (_name, framework) => {
  it.each([
    'POST /flags',
    'POST /flags/',
    'POST /FLAGS',
    'POST //flags',
    'POST /%66lags',
    'POST /flags?x=/other',
    'POST /flags#x',
    'POST /flags;x',
    'POST /x/../flags',
    'POST /flags/..//../flags',
    `POST ${'/x/..'.repeat(300)}/flags`,
    'POST /./flags',
    'POST /%2e%2e/flags',
    'POST http://evil.example/flags',
    'POST HTTP://evil.example:80/flags?x',
    'POST /flags%2f',
    'POST \\flags',
    'POST /flags\\',
    'POST /flags%00',
    'HEAD /flags/a',
    'GET /flags/a%2fb',
    'GET /flags/a;b',
    'GET /Flags/%zz',
  ])('audits %s if it answers it', async (line) => {
    const running = await rig.start(framework, {
      routes: { 'POST /flags': 'flag:create', 'GET /flags/:key': 'flag:read' },
    });
    const socket = await running.raw(
      `${line} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    let answer = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    await once(socket, 'close');
    const status = Number(answer.slice(9, 12));
    expect(status).toBeGreaterThanOrEqual(200);
    const event = line.startsWith('POST') ? 'flag:created success' : 'flag:read success';
    expect((await rig.events()).map(brief)).toEqual(status < 300 ? [event] : []);
  });
});
