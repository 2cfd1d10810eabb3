import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { verifyLedger } from '../../src/evidence/verify.js';
import { hashOf, NO_HASH } from '../../src/ledger/record.js';
import { builtCommand } from './support/command.js';
import { makeDemoLedger } from './support/demo-ledger.js';

// A folder that somebody hands over to have it verified, or that an intruder could write to. The command runs
// as a process of its own, for what it must not do is wait for ever.
const command = builtCommand();
const PIPES = process.platform === 'win32' ? it.skip : it;
let folder = '';

beforeEach(async () => {
  folder = fs.mkdtempSync(join(command.folder, 'foreign-'));
  await makeDemoLedger(folder);
});

async function ran(...args: string[]) {
  const running = command.start(args);
  const code = await running.end;
  return { code, out: running.shown, err: running.err };
}

/** Puts a pipe that nobody writes to in a file's place. */
function pipe(...names: string[]): string {
  const path = join(folder, ...names);
  fs.rmSync(path, { force: true });
  execFileSync('mkfifo', [path]);
  return path;
}

describe('a ledger with a pipe in the place of a file', () => {
  PIPES.each([
    ['ledger.json'],
    ['cursors', 'webhook.json'],
    ['checkpoints', '00000000000000000040.checkpoint'],
    ['checkpoints', 'tree.json'],
    ['checkpoints', 'hashes', '0-0000000000'],
    ['00000000000000000018.jsonl'],
    ['00000000000000000041.jsonl'],
  ])('is broken there, and is not waited for: %s %s %s', async (...names) => {
    const path = pipe(...names.filter((name) => typeof name === 'string'));
    const { code, out, err } = await ran('verify', folder, '--full');
    expect(code).toBe(1);
    expect(out + err).toContain(path);
  });

  PIPES('ends every command that would read it, with the reason', async () => {
    const segment = pipe('00000000000000000041.jsonl');
    for (const name of ['tail', 'search', 'stats']) {
      const { code, err } = await ran(name, folder);
      expect(code).toBe(1);
      expect(err).toContain(`${segment} is no file`);
    }
    fs.rmSync(segment);
    const letters = pipe('dead', 'webhook.jsonl');
    for (const name of ['dead', 'stats']) {
      expect(await ran(name, folder)).toMatchObject({
        code: 1,
        err: expect.stringContaining(`${letters} is no file`),
      });
    }
  });
});

describe('a configuration with a pipe in the place of a file', () => {
  // What a configuration is read with is no part of the command.
  beforeAll(() =>
    fs.symlinkSync(join(process.cwd(), 'node_modules'), join(command.folder, 'node_modules')),
  );

  PIPES.each(['itself.yaml', 'secret'])(
    'is refused, and the pipe not waited for: %s',
    async (name) => {
      const config = join(folder, 'itself.yaml');
      const key = `\${file:${join(folder, 'secret')}}`;
      fs.writeFileSync(
        config,
        `audit: { redact: { paths: [credentials], mode: hmac, key: "${key}" } }`,
      );
      const path = pipe(name);
      const { code, err } = await ran('replay', folder, 'webhook', '--config', config, '--dead');
      expect(code).toBe(2);
      expect(err).toContain(path);
      expect(err).toContain('is no file');
    },
  );
});

describe('a ledger with a file that has no end', () => {
  it('has a checkpoint that is none, and it is not read', async () => {
    const file = join(folder, 'checkpoints', '00000000000000000035.checkpoint');
    fs.writeFileSync(file, '');
    fs.truncateSync(file, 2 ** 31); // sparse
    const { fault } = await verifyLedger(folder);
    expect(fault).toMatchObject({ kind: 'altered', file });
    expect(fault!.explanation).toContain('is larger than');
  });

  it('has dead letters up to there', async () => {
    const file = join(folder, 'dead', 'webhook.jsonl');
    fs.truncateSync(file, 2 ** 30);
    const { code, out, err } = await ran('dead', folder, '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(JSON.parse(out)).toMatchObject({ sink: 'webhook', attempts: 1 });
  });
});

/** Goes on from the demo's last record, whatever the lines say. */
function append(...bodies: readonly string[]): void {
  const file = join(folder, '00000000000000000035.jsonl');
  let previous = fs.readFileSync(file, 'utf8').trimEnd().split('\n').at(-1)!;
  for (const [n, body] of bodies.entries()) {
    const at = `"at":"2026-11-25T00:57:0${n}.000Z"`;
    previous = `{"seq":${41 + n},"prev":"${hashOf(Buffer.from(previous))}",${at},"id":"e${n}",${body}}`;
    fs.appendFileSync(file, `${previous}\n`);
  }
}

const event = (payload: string, more = '"status":""') =>
  `"event":{"version":"0.2","type":"flag","action":"hidden","metadata":{},"payload":${payload},"timestamp":"2026-11-25T00:57:00Z",${more}}`;

it('shows no record from before the beginning of the ledger, which verify does not look at', async () => {
  const forged = `{"seq":0,"prev":"${NO_HASH}","at":"2026-11-23T00:00:00.000Z","id":"forged",${event('1')}}`;
  fs.writeFileSync(join(folder, '00000000000000000000.jsonl'), `${forged}\n`);
  expect((await verifyLedger(folder)).ok).toBe(true);
  for (const args of [
    ['search', folder, 'flag:hidden'],
    ['tail', folder, '-n', '50', 'flag:hidden'],
  ]) {
    expect(await ran(...args)).toMatchObject({ code: 0, out: '' });
  }
  expect((await ran('show', folder, 'forged')).code).toBe(2);
});

describe('a record that nobody could print', () => {
  const deep = (inner: string) => `${'{"a":'.repeat(100_000)}${inner}${'}'.repeat(100_000)}`;

  it('does not keep the records after it from being shown', async () => {
    append(event(deep('1')), event(`{"before":${deep('1')},"after":${deep('2')}}`), event('"x"'));
    for (const args of [
      ['tail', folder, '-n', '3'],
      ['search', folder, 'flag:hidden'],
    ]) {
      const { code, out, err } = await ran(...args);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toMatch(/^41 .*show has it\)\n42 .*show has it\)\n43 .*"x"\n$/);
    }
    const asked = await ran('search', folder, '--where', 'payload=x', '--where', 'status=');
    expect(asked.out).toMatch(/^43 /);
    for (const sequence of [41, 42]) {
      const { code, out } = await ran('show', folder, `${sequence}`);
      expect(code).toBe(0);
      expect(out.replaceAll(/\s/g, '')).toContain(deep('1'));
    }
  });

  it('is told of where it only seems to be one', async () => {
    append(
      event('1', '"status":5'),
      `"trace":null,${event('1')}`,
      event('1').replace('"2026-11-25T00:57:00Z"', '{"toString":1}'),
      event('"x"'),
    );
    const { code, out, err } = await ran('search', folder, 'flag:hidden');
    expect(code).toBe(0);
    expect(out).toMatch(/^44 .*"x"\n$/);
    expect(err).toContain('has lines that are no records');
  });
});

it('does not pass over a checkpoint that cannot be read', async () => {
  const file = join(folder, 'checkpoints', '00000000000000000035.checkpoint');
  fs.mkdirSync(file);
  expect((await verifyLedger(folder)).fault).toMatchObject({ kind: 'altered', file });
});
