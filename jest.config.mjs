/** @type {import('jest').Config} */
export default {
  testEnvironment: 'node',
  verbose: true, // a test that is skipped is named
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testTimeout: 60_000, // tests that start programs, on a machine under load
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2023', parser: { syntax: 'typescript' } } }],
    // Packages that are ESM alone, which Jest cannot load below Node 24.9.
    '/node_modules/@platformatic/.+\\.js$': '@swc/jest',
  },
  transformIgnorePatterns: ['/node_modules/(?!@platformatic/)'],
};
