import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findBreaches, readSources, type Sources, specifiersOf } from './imports.js';
import { root } from './packed.js';

describe('imports in src', () => {
  it('run downwards only, never sideways between sinks or interceptors, and in no circle', () => {
    const sources = readSources(join(root, 'src'));
    expect(Object.keys(sources)).toContain('exporter/exporter.ts');
    expect(findBreaches(sources)).toEqual([]);
  });
});

describe('the check of imports', () => {
  const house = (more: Sources): Sources => ({
    'index.ts': "export { AuditError } from './errors.js';",
    'errors.ts': '',
    'event/event.ts': "import { AuditError } from '../errors.js';",
    'sinks/log.ts': "import type { AuditEvent } from '../event/event.js';",
    'sinks/kafka.ts': "import { frame } from './kafka/wire.js';",
    'sinks/kafka/wire.ts': '',
    ...more,
  });

  it('passes a house in order', () => {
    expect(findBreaches(house({}))).toEqual([]);
  });

  it.each([
    ['an import', "import { Checker } from '../checker.js';"],
    [
      'an import over several lines',
      "import {\n  Checker,\n  NoOpChecker,\n} from '../checker.js';",
    ],
    ['an import of a type', "import type { Checker } from '../checker.js';"],
    ['an export', "export * from '../checker.js';"],
    ['an import for its effects', "import '../checker.js';"],
    ['an import call', "const late = await import('../checker.js');"],
    ['a type taken by import', "type Late = import('../checker.js').Checker;"],
  ])('finds %s that runs upward', (_, text) => {
    expect(findBreaches(house({ 'checker.ts': '', 'event/id.ts': text }))).toEqual([
      'event/id.ts imports checker.ts, which is above it',
    ]);
  });

  it('finds an import of the index', () => {
    expect(findBreaches(house({ 'event/id.ts': "import '../index.js';" }))).toEqual([
      'event/id.ts imports index.ts, which is above it',
    ]);
  });

  it('finds one sink that imports another', () => {
    const text = "import { frame } from './kafka/wire.js';";
    expect(findBreaches(house({ 'sinks/otlp.ts': text }))).toEqual([
      'sinks/otlp.ts imports sinks/kafka/wire.ts, which is beside it',
    ]);
  });

  it('lets a preset import the sink that it sets up', () => {
    const files = {
      'sinks/cloud.ts': "import './template/part.js';",
      'sinks/template/part.ts': '',
    };
    expect(findBreaches(house(files))).toEqual([]);
  });

  it('finds a circle', () => {
    const breaches = findBreaches(
      house({
        'event/a.ts': "import './b.js';",
        'event/b.ts': "import './c.js';",
        'event/c.ts': "import type { A } from './a.js';",
      }),
    );
    expect(breaches).toEqual(['a circle: event/a.ts → event/b.ts → event/c.ts → event/a.ts']);
  });

  it('finds a file that stands on no floor and an import that leads nowhere', () => {
    expect(findBreaches(house({ 'utils.ts': '', 'event/id.ts': "import './gone.js';" }))).toEqual([
      'utils.ts stands on no floor',
      'event/id.ts imports event/gone.ts, which is absent',
    ]);
  });

  it('does not take an example in a comment for an import', () => {
    const text =
      "// import './a.js';\n/**\n * import { b } from './b.js';\n */\nconst url = 'http://x';";
    expect(specifiersOf(`${text}\nimport './c.js';`)).toEqual(['./c.js']);
  });
});
