import { Listr, ListrLogger, PRESET_TIMER, ProcessOutput } from 'listr2';

/** Says what a step of a command is doing now. */
export type Say = (text: string) => void;

export interface Step<C> {
  title: string;
  run(context: C, say: Say): Promise<void>;
}

/** Between two plain lines of the same step: a log is no terminal. */
const PLAIN_EVERY_MS = 5000;

/**
 * Runs steps one after the other and shows them on standard error: live on a terminal, as plain lines
 * elsewhere, not at all when quiet. Standard output stays free for results.
 */
export async function runSteps<C extends object>(
  steps: readonly Step<C>[],
  context: C,
  quiet: boolean,
): Promise<C> {
  if (quiet) {
    for (const step of steps) await step.run(context, () => {});
    return context;
  }
  if (!process.stderr.isTTY) {
    for (const step of steps) {
      const start = performance.now();
      process.stderr.write(`${step.title} ...\n`);
      let last = start;
      await step.run(context, (text) => {
        if (performance.now() - last < PLAIN_EVERY_MS) return;
        last = performance.now();
        process.stderr.write(`  ${text}\n`);
      });
      process.stderr.write(`  done in ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
    }
    return context;
  }
  const list = new Listr<C>(
    steps.map((step) => ({
      title: step.title,
      task: (ctx, task) =>
        step.run(ctx, (text) => {
          task.output = text;
        }),
    })),
    {
      concurrent: false,
      rendererOptions: {
        timer: PRESET_TIMER,
        logger: new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) }),
      },
    },
  );
  return list.run(context);
}

/** A bar for a share of work. */
export function bar(done: number, total: number, width = 24): string {
  const filled = Math.round((width * done) / Math.max(1, total));
  return `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${done}/${total}`;
}
