import { AsyncResource } from 'node:async_hooks';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as later } from 'node:timers/promises';
import vm from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { auditActor, currentActor } from '../../src/interceptors/actor.js';
import { diagLog } from '../support/diag-log.js';

const ann = { name: 'Ann' };
const bob = { name: 'Bob' };

const flag = { type: 'flag', action: 'created' };

describe('auditActor', () => {
  const diagnostics = diagLog();

  it('is the actor of an event that is made deep inside and names none', async () => {
    const deep = async () => {
      await null;
      return [createEvent(flag), createEvent({ ...flag, actor: bob })];
    };
    const events = await auditActor(ann, deep);
    expect(events.map(({ metadata }) => metadata)).toEqual([{ actor: ann }, { actor: bob }]);
    expect(createEvent(flag).metadata).toEqual({});
    expect(auditActor(undefined, () => createEvent(flag)).metadata).toEqual({});
  });

  it('is left out where it cannot be recorded, and told', () => {
    const event = auditActor({ name: 7 } as never, () => createEvent(flag));
    expect(event.metadata).toEqual({});
    expect(diagnostics.lines).toEqual([
      'error otel-audit: the actor of an auditActor is left out: actor.name must be a string',
    ]);
  });

  it('is there inside, and nowhere else', () => {
    expect(currentActor()).toBeUndefined();
    expect(auditActor(ann, currentActor)).toBe(ann);
    expect(currentActor()).toBeUndefined();
  });

  it('returns what the function returns and throws what it throws', () => {
    const fault = new Error('no');
    expect(auditActor(ann, () => 7)).toBe(7);
    expect(() =>
      auditActor(ann, () => {
        throw fault;
      }),
    ).toThrow(fault);
    expect(currentActor()).toBeUndefined();
  });

  it('is replaced by an inner one, until that ends', () => {
    auditActor(ann, () => {
      expect(auditActor(bob, currentActor)).toBe(bob);
      expect(auditActor(undefined, currentActor)).toBeUndefined();
      expect(currentActor()).toBe(ann);
    });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['an await', () => Promise.resolve()],
    ['a timer', () => new Promise((resolve) => setTimeout(resolve, 1))],
    ['an immediate', () => new Promise((resolve) => setImmediate(resolve))],
    ['a microtask', () => new Promise<void>((resolve) => queueMicrotask(resolve))],
    ["a timer's promise", () => later(1)],
  ])('survives %s', async (_, wait) => {
    const seen = await auditActor(ann, async () => {
      await wait();
      return currentActor();
    });
    expect(seen).toBe(ann);
  });

  it('survives a pipeline of streams', async () => {
    const seen = new Set<unknown>();
    await auditActor(ann, () =>
      pipeline(
        Readable.from(['a', 'b']),
        new Transform({
          transform(chunk, _, done) {
            seen.add(currentActor());
            setImmediate(done, null, chunk);
          },
        }),
        async (source) => {
          for await (const _ of source) seen.add(currentActor());
        },
      ),
    );
    expect([...seen]).toEqual([ann]);
  });

  it('keeps requests at the same time apart, while their bodies are read', async () => {
    const server = createServer((incoming, response) => {
      const actor = { name: incoming.url! };
      const answer = async () => {
        let size = 0;
        for await (const chunk of incoming) size += (chunk as Buffer).length;
        await later(1);
        response.end(`${currentActor()?.name} ${size}`);
      };
      void auditActor(actor, answer);
    }).listen(0);
    const { port } = server.address() as AddressInfo;
    const ask = (path: string) =>
      new Promise<string>((resolve) => {
        const outgoing = request({ port, path, method: 'POST' }, async (response) => {
          resolve((await response.toArray()).join(''));
        });
        outgoing.write('abc');
        setImmediate(() => outgoing.end('def'));
      });
    const paths = Array.from({ length: 8 }, (_, n) => `/${n}`);
    expect(await Promise.all(paths.map(ask))).toEqual(paths.map((path) => `${path} 6`));
    server.close();
  });

  it('is carried to the listener of an older emitter by AsyncResource.bind', async () => {
    const seen: unknown[] = [];
    const server = createServer((incoming, response) => {
      auditActor(ann, () => {
        incoming.on('end', () => seen.push(currentActor()));
        incoming.on(
          'end',
          AsyncResource.bind(() => {
            seen.push(currentActor());
            response.end();
          }),
        );
      });
      incoming.resume();
    }).listen(0);
    const { port } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => {
      const outgoing = request({ port, method: 'POST' }, (response) => {
        response.resume().on('end', resolve);
      });
      outgoing.write('abc');
      setImmediate(() => outgoing.end('def'));
    });
    server.close();
    expect(seen).toEqual([undefined, ann]);
  });

  it('is shared with another copy of the package', async () => {
    const key = Symbol.for('otel-audit.actor-storage');
    const storage = (globalThis as unknown as Record<symbol, { getStore(): unknown }>)[key]!;
    expect(auditActor(ann, () => storage.getStore())).toBe(ann);
    expect(vm.runInThisContext("Symbol.for('otel-audit.actor-storage')")).toBe(key);
  });
});
