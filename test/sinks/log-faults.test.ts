import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createEvent } from '../../src/event/event.js';
import { eventToJson } from '../../src/event/json.js';

// Faults are injected at `write`: each entry is one call, how many bytes it takes or how it fails.
type Fault = number | NodeJS.ErrnoException;
let faults: Fault[] = [];
let truncateFails = false;

const realWrite = promisify(fs.write) as (
  fd: number,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: null,
) => Promise<{ bytesWritten: number }>;

const write = Object.assign(() => {}, {
  [promisify.custom]: async (fd: number, buffer: Uint8Array, offset: number, length: number) => {
    const fault = faults.shift();
    if (fault instanceof Error) throw fault;
    return realWrite(fd, buffer, offset, Math.min(length, fault ?? length), null);
  },
});
const ftruncate = Object.assign(() => {}, {
  [promisify.custom]: async (fd: number, length: number) => {
    if (truncateFails) throw ioError('EIO');
    fs.ftruncateSync(fd, length);
  },
});
jest.doMock('node:fs', () => ({ ...fs, write, ftruncate }));

const ioError = (code: string) => Object.assign(new Error(`${code}: injected`), { code });
const live = { signal: new AbortController().signal, attempt: 1 };
const [a, b] = ['a', 'b'].map((type) => createEvent({ type, action: 'created' })) as [
  ReturnType<typeof createEvent>,
  ReturnType<typeof createEvent>,
];

describe('a log file on a failing disk', () => {
  let folder: string;
  let file: string;
  const content = () => fs.readFileSync(file, 'utf8');
  const open = async () => (await import('../../src/sinks/log.js')).logSink({ file });
  beforeEach(() => {
    folder = fs.mkdtempSync(join(tmpdir(), 'log-faults-'));
    file = join(folder, 'audit.jsonl');
    faults = [];
    truncateFails = false;
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

  it('gets the whole batch though each write takes only a part', async () => {
    const sink = await open();
    faults = [1, 10, 3];
    await sink.sendAudits([a, b], live);
    await sink.close?.();
    expect(faults).toEqual([]);
    expect(content()).toBe(`${eventToJson(a)}\n${eventToJson(b)}\n`);
  });

  it('holds whole lines only when the disk fills up in the middle of a batch', async () => {
    const sink = await open();
    await sink.sendAudits([a], live);
    faults = [eventToJson(b).length + 20, ioError('ENOSPC')];
    await expect(sink.sendAudits([b, a], live)).rejects.toMatchObject({
      fault: 'transient',
      message: `${file}: ENOSPC: injected`,
    });
    expect(content()).toBe(`${eventToJson(a)}\n`);
    await sink.sendAudits([b], live);
    await sink.close?.();
    expect(content()).toBe(`${eventToJson(a)}\n${eventToJson(b)}\n`);
  });

  it('rejects a write that takes nothing, instead of trying for ever', async () => {
    const sink = await open();
    faults = [0];
    await expect(sink.sendAudits([a], live)).rejects.toThrow('nothing more could be written');
    await sink.close?.();
  });

  it('names a read-only disk as the sink’s own fault', async () => {
    const sink = await open();
    faults = [ioError('EROFS')];
    await expect(sink.sendAudits([a], live)).rejects.toMatchObject({ fault: 'sink' });
    await sink.close?.();
  });

  it('does not glue an event to half a line that could not be ended before', async () => {
    fs.writeFileSync(file, 'half a li');
    const sink = await open();
    faults = [ioError('ENOSPC')];
    await expect(sink.sendAudits([a], live)).rejects.toThrow('ENOSPC');
    await sink.sendAudits([b], live);
    await sink.close?.();
    expect(content()).toBe(`half a li\n${eventToJson(b)}\n`);
  });

  it('does not glue an event to half a line that could not be cut off', async () => {
    const sink = await open();
    faults = [5, ioError('EIO')];
    truncateFails = true;
    await expect(sink.sendAudits([a], live)).rejects.toThrow('EIO');
    truncateFails = false;
    await sink.sendAudits([b], live);
    await sink.close?.();
    expect(content()).toBe(`${eventToJson(a).slice(0, 5)}\n${eventToJson(b)}\n`);
  });
});
