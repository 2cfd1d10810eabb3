import config from './jest.config.mjs';

/** The tests of faults at full size: `npm run test:faults`. */
export default {
  ...config,
  roots: ['<rootDir>/test/faults'],
  globals: { fullFaults: true },
  testTimeout: 600_000,
};
