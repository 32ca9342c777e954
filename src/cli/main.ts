#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addAgent } from './agent.js';
import { addBench } from './bench.js';
import { addClassify } from './classify.js';
import { addDemo } from './demo.js';
import { addDoctor } from './doctor.js';
import { addEvaluate } from './evaluate.js';
import { EXIT, EXIT_HELP, reportFailure } from './exit.js';
import { addExport } from './export.js';
import { addHub } from './hub.js';
import { addInspect } from './inspect.js';
import { addLearn } from './learn.js';
import { addPack } from './pack.js';
import { addTasks } from './tasks.js';
import { addVerify } from './verify.js';

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

addDemo(program);
addHub(program);
addAgent(program, version);
for (const add of [
  addLearn,
  addEvaluate,
  addClassify,
  addTasks,
  addPack,
  addVerify,
  addExport,
  addBench,
  addInspect,
  addDoctor,
])
  add(program);
for (const command of [program, ...program.commands]) {
  command.exitOverride();
  for (const inner of command.commands) inner.exitOverride();
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportFailure(error, process.argv.includes('--json'));
}
