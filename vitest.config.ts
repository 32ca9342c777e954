import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/slow/**'],
    reporters: ['default', './test/closing-line.ts'],
    // No test is timed: machines are slow and shared. This only ends a test that hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    maxWorkers: 2,
    // TensorFlow.js's gradients come only as modules that Node cannot load by itself.
    server: { deps: { inline: [/@tensorflow\/tfjs-core\/dist\/(?!tf-core)/] } },
  },
});
