import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';
import { root, run } from '../package/packed.js';

// As the example itself says how to start it; the build is there already.
it('the template example posts what the template of Flipt’s documentation makes', () => {
  const require = createRequire(join(root, 'package.json'));
  const tsx = join(dirname(require.resolve('tsx/package.json')), 'dist/cli.mjs');
  const main = ['--tsconfig', 'examples/tsconfig.json', 'examples/template/hook.ts'];
  const { stdout } = run(process.execPath, [tsx, ...main], { cwd: root });
  expect(stdout).toMatch(
    /^received: \{"event": "flag created", "timestamp": "\d{4}-\d\d-\d\dT[\d:.]+Z"\}$/m,
  );
});
