import fs from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { configRig, faultsOf } from './support.js';

const rig = configRig();

/** What the log's file reads as. */
function read(file: string, env: Record<string, string> = {}) {
  const { settings, faults } = loadConfig(
    { audit: { sinks: { log: { file } } } },
    { env, strict: false },
  );
  return faults.length > 0 ? faults : settings.audit?.sinks?.log?.file;
}
const fault = (message: string) => [{ path: 'audit.sinks.log.file', message }];

describe('an expression', () => {
  it.each<[string, Record<string, string>, string]>([
    ['${A}', { A: 'x' }, 'x'],
    ['/var/${A}/${B}.log', { A: 'x', B: 'y' }, '/var/x/y.log'],
    ['${A:-y}', {}, 'y'],
    ['${A:-y}', { A: '' }, 'y'],
    ['${A:-y}', { A: 'x' }, 'x'],
    ['${A:-}', {}, ''],
    ['${A:-a:-b}', {}, 'a:-b'],
    ['$${A}', { A: 'x' }, '${A}'],
    ['a$b${', {}, 'a$b${'],
    ['${A}', { A: '${B}', B: 'y' }, '${B}'],
  ])('%s with %j is %j', (text, env, result) => {
    expect(read(text, env)).toBe(result);
  });

  it('of a variable that is not set, or empty, is a fault', () => {
    const message = 'names the variable A, which is not set; ${A:-} may be empty';
    expect(read('x${A}')).toEqual(fault(message));
    expect(read('${A}', { A: '' })).toEqual(fault(message));
    expect(read('${toString}')).toEqual(fault(message.replaceAll('A', 'toString')));
  });

  it.each(['${}', '${1A}', '${A.B}', '${A-x}', '${env:A}'])(
    'that is none is a fault: %s',
    (text) => {
      expect(read(text)).toEqual(
        fault(
          'holds a ${…} that is none of ${VAR}, ${VAR:-default} and ${file:/path}; $${ stands for ${',
        ),
      );
    },
  );

  it('of a file gives its text without the line break at its end', () => {
    rig.write('secret', ' two words \r\n');
    expect(read('${file:secret}')).toBe(' two words ');
    expect(read(`\${file:${rig.folder}/secret}`)).toBe(' two words ');
  });

  it('of a file that cannot be read is a fault, with the reason', () => {
    rig.write('empty', '\n');
    rig.write('large', 'x'.repeat(64 * 1024 + 1));
    fs.writeFileSync('binary', Buffer.from([0xff, 0xfe]));
    fs.mkdirSync('folder');
    for (const [name, reason] of [
      ['gone', 'does not exist'],
      ['empty', 'is empty'],
      ['large', 'is larger than 65536 bytes'],
      ['binary', 'is not UTF-8'],
      ['folder', 'is no file'],
    ]) {
      expect(read(`\${file:${name}}`)).toEqual(fault(`names the file "${name}", which ${reason}`));
    }
  });

  it('counts in a template’s body as the whole alone', () => {
    const body = (text: string) =>
      loadConfig(
        { audit: { sinks: { webhook: { templates: [{ url: 'http://a', body: text }] } } } },
        { env: { A: '{}' }, strict: false },
      ).settings.audit?.sinks?.webhook?.templates?.[0]?.body;
    expect(body('{"a": "${A}", "b": {{ .Type }}}')).toBe('{"a": "${A}", "b": {{ .Type }}}');
    expect(body('${A}')).toBe('{}');
  });

  it('gives numbers, truths and lists their text', () => {
    const env = { N: '7', T: 'true', L: 'flag:created flag:updated', D: '5s' };
    const { settings, faults } = loadConfig(
      {
        audit: {
          events: '${L}',
          ledger: { directory: 'x', slots: '${T}' },
          delivery: { maxBatch: '${N}', timeoutMs: '${D}' },
        },
      },
      { env, strict: false },
    );
    expect(faults).toEqual([]);
    expect(settings.audit).toEqual({
      events: ['flag:created', 'flag:updated'],
      ledger: { directory: 'x', slots: true },
      delivery: { maxBatch: 7, timeoutMs: 5000 },
    });
  });

  it('that fails is one fault, whatever type the key is of', () => {
    const { faults } = loadConfig(
      { audit: { delivery: { maxBatch: '${A}' } } },
      { env: {}, strict: false },
    );
    expect(faults).toHaveLength(1);
  });

  it('outside of what is read does not matter', async () => {
    await rig.create(
      rig.write('a.yaml', 'db: { url: "${NOT_SET}" }\nlog: { file: "${NOT_SET}" }\n'),
    );
  });
});

describe('the environment', () => {
  const settingsOf = (given: object, env: Record<string, string>) => {
    const { settings, faults } = loadConfig(given, { env, strict: false });
    expect(faults).toEqual([]);
    return settings;
  };

  it('goes before the file, sets what is not in it, and splits lists at white space', () => {
    const given = {
      audit: { sinks: { webhook: { url: 'http://a', signing_secret: '${NOT_SET}' } } },
    };
    expect(
      settingsOf(given, {
        FLIPT_AUDIT_SINKS_WEBHOOK_SIGNING_SECRET: 'a${b',
        FLIPT_AUDIT_SINKS_KAFKA_BOOTSTRAP_SERVERS: 'a:1\n b:2 ',
        FLIPT_AUDIT_DELIVERY_MAX_BATCH: '9',
        FLIPT_AUDIT_DELIVERY_BACKOFF_MAX_MS: '9s',
        FLIPT_AUDIT_SINKS_OTLP_URL: '',
        FLIPT_LOG_ENCODING: 'json',
        FLIPT_CLOUD_AUTHENTICATION_API_KEY: 'k3y',
      }),
    ).toEqual({
      audit: {
        sinks: {
          webhook: { url: 'http://a', signing_secret: 'a${b' },
          kafka: { bootstrap_servers: ['a:1', 'b:2'] },
        },
        delivery: { maxBatch: 9, backoff: { maxMs: 9000 } },
      },
      log: { encoding: 'json' },
      cloud: { authentication: { api_key: 'k3y' } },
    });
  });

  it('may name a variable or a file as the whole value', () => {
    rig.write('secret', 's3cret\n');
    expect(
      settingsOf(
        {},
        { FLIPT_AUDIT_SINKS_WEBHOOK_SIGNING_SECRET: '${file:secret}', FLIPT_AUDIT_REDACT_KEY: '' },
      ).audit?.sinks?.webhook,
    ).toEqual({ signing_secret: 's3cret' });
  });

  it('sets the ledger, or parts of one that the file names by its folder alone', () => {
    expect(settingsOf({}, { FLIPT_AUDIT_LEDGER: './x' }).audit?.ledger).toEqual({
      directory: './x',
    });
    expect(settingsOf({}, { FLIPT_AUDIT_LEDGER: 'false' }).audit?.ledger).toBe(false);
    expect(
      settingsOf({ audit: { ledger: './x' } }, { FLIPT_AUDIT_LEDGER_SLOTS: '1' }).audit?.ledger,
    ).toEqual({ directory: './x', slots: true });
  });

  it('with a variable that nearly names a key is refused', async () => {
    const env = { FLIPT_AUDIT_SINKS_LOG_FIEL: 'x', FLIPT_AUDIT_SERVICE_HOST: '10.0.0.1' };
    expect(await faultsOf(rig.create({ audit: { ledger: 'x' } }, { env }))).toEqual([
      '$FLIPT_AUDIT_SINKS_LOG_FIEL is not known; did you mean FLIPT_AUDIT_SINKS_LOG_FILE?',
    ]);
  });

  it('is told by its name when its value is wrong', async () => {
    const env = { FLIPT_AUDIT_DELIVERY_MAX_BATCH: '${NOT_SET}' };
    expect(await faultsOf(rig.create({ audit: { ledger: 'x' } }, { env }))).toEqual([
      '$FLIPT_AUDIT_DELIVERY_MAX_BATCH names the variable NOT_SET, which is not set; ${NOT_SET:-} may be empty',
    ]);
  });

  it('counts for nothing where there is another', async () => {
    process.env.FLIPT_AUDIT_BUFFER_CAPACITY = 'many';
    try {
      await rig.create({ audit: { ledger: 'x' } });
      expect(await faultsOf(rig.create({ audit: { ledger: 'y' } }, { env: undefined }))).toEqual([
        'audit.buffer.capacity must be a whole number from 1 to 1000000',
      ]);
    } finally {
      delete process.env.FLIPT_AUDIT_BUFFER_CAPACITY;
    }
  });
});
