#!/usr/bin/env -S MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { keepYoungHeapSmall } from '../process-memory.js';
import { EXIT, EXIT_HELP, reportFailure } from './exit.js';

// Whoever reads the output may have seen enough, as `| head` has; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('lichen')
  .description('Lets a deployed sensor learn on site: masks and columns on a frozen backbone.')
  .version(version)
  .showHelpAfterError('(see --help)')
  .addHelpText('after', EXIT_HELP);

/** Every command in the order of the help. One that is named is loaded alone: all together take 30 MB. */
const COMMANDS: Record<string, () => Promise<(program: Command) => void>> = {
  demo: async () => (await import('./demo.js')).addDemo,
  hub: async () => (await import('./hub.js')).addHub,
  agent: async () => {
    keepYoungHeapSmall();
    const { addAgent } = await import('./agent.js');
    return (to) => addAgent(to, version);
  },
  password: async () => (await import('./password.js')).addPassword,
  learn: async () => {
    // Under a cap 16 MB of young objects matter, and they are there before the command's options are read otherwise.
    if (process.argv.some((a) => /^--memory(=|$)/.test(a))) keepYoungHeapSmall();
    return (await import('./learn.js')).addLearn;
  },
  evaluate: async () => (await import('./evaluate.js')).addEvaluate,
  classify: async () => (await import('./classify.js')).addClassify,
  tasks: async () => (await import('./tasks.js')).addTasks,
  pack: async () => (await import('./pack.js')).addPack,
  verify: async () => (await import('./verify.js')).addVerify,
  export: async () => (await import('./export.js')).addExport,
  bench: async () => (await import('./bench.js')).addBench,
  inspect: async () => (await import('./inspect.js')).addInspect,
  doctor: async () => (await import('./doctor.js')).addDoctor,
};

const [, , named = ''] = process.argv;
const wanted = Object.hasOwn(COMMANDS, named) ? [COMMANDS[named]!] : Object.values(COMMANDS);
for (const load of wanted) (await load())(program);
for (const command of [program, ...program.commands]) {
  command.exitOverride();
  for (const inner of command.commands) inner.exitOverride();
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.argv.includes('--json'));
}
