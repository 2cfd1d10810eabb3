import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { root, run } from '../package/packed.js';

// The example as `npm run receiver -- --drive` starts it; the build is there already.
it('the receiver of the examples takes signed events and refuses a forged one', () => {
  const require = createRequire(join(root, 'package.json'));
  const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
  const main = ['--tsconfig', 'examples/tsconfig.json', 'examples/webhook-receiver/main.ts'];
  const { stdout, stderr } = run(process.execPath, [tsx, ...main, '--drive'], { cwd: root });
  expect(stdout).toMatch(/^\S+ flag:created \{"key":"new-checkout"\}$/m);
  expect(stdout).toContain('events received  3\nforged, refused  1\n');
  expect(stderr).toContain('refused: webhook-signature does not fit');
});
