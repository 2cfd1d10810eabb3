import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { root, run } from '../package/packed.js';

// The example as `npm run flipt-config` starts it; the build is there already.
describe('the sample configurations of Flipt', () => {
  const require = createRequire(join(root, 'package.json'));
  const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
  const main = ['--tsconfig', 'examples/tsconfig.json', 'examples/flipt-config/main.ts'];
  const { stdout } = run(process.execPath, [tsx, ...main], { cwd: root });
  const of = (sample: string) => {
    const [, text = ''] = stdout.split(`\n${sample}\n`);
    return text
      .split('\n\n')[0]!
      .trimEnd()
      .split('\n')
      .map((line) => line.trim());
  };
  const actions = (lines: readonly string[]) =>
    lines.map((line) => JSON.parse(line.slice(line.indexOf('{'))).action);

  it('write to a log, in the encoding of the server or the console’s', () => {
    expect(actions(of('advanced.yml'))).toEqual(['created', 'updated', 'deleted']);
    expect(of('advanced.yml')[0]).toMatch(/^\{"version":"0\.2"/);
    expect(actions(of('log.env'))).toEqual(['created', 'updated', 'deleted']);
    expect(of('log.env')[0]).toMatch(/^\S+\tAUDIT\t\{/);
  });

  it('post what their events let pass', () => {
    expect(actions(of('webhook.env'))).toEqual(['created', 'updated']);
    expect(of('webhook-template.yml').map((line) => JSON.parse(line).event)).toEqual([
      'flag created',
      'flag updated',
    ]);
  });

  it('are refused where Flipt refuses them', () => {
    expect(of('invalid.yml')).toEqual(['refused: buffer capacity below 2 or above 10']);
  });
});
