import { defineConfig } from 'vitest/config';

/** Trainings of the default backbone's crown, minutes each. */
export default defineConfig({
  test: {
    include: ['test/slow/**/*.test.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // No test is timed: machines are slow and shared. This only ends a test that hangs.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
