import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**'],
    reporters: ['default', './test/closing-line.ts'],
    // No test has a time limit: machines are slow and shared, and a limit tells nothing about correctness.
    testTimeout: 0,
    hookTimeout: 0,
    maxWorkers: 2,
  },
});
