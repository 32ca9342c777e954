import type { Command } from 'commander';
import { latentsOfFiles, type Unreadable } from '../backbone/latents.js';
import type { EngineChoice } from '../engine/engine.js';
import type { Answer } from '../recognize/answer.js';
import { Recognizer } from '../recognize/recognizer.js';
import { DEFAULT_STORE, type Device, withDevice } from './device.js';
import { EXIT } from './exit.js';
import { engineOption } from './options.js';
import { percent, print, table } from './output.js';

interface ClassifyOptions {
  task?: string;
  store: string;
  backbone?: string;
  engine: EngineChoice;
  json: boolean;
}

/** What `lichen classify --json` prints for each file: an answer, or why there is none. */
export type Classified = ({ file: string } & Answer) | { file: string; error: string };

export function addClassify(program: Command): void {
  program
    .command('classify')
    .summary('say what pictures show')
    .description(
      'Answers for picture files by what each task runs now. Without --task, the task is chosen for each picture.',
    )
    .argument('<file...>', 'picture files')
    .option('--task <name>', 'ask this task')
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .addOption(engineOption())
    .option('--json', 'print a JSON array, one object a file', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen classify screw.jpg
  lichen classify --task screws --json *.jpg

A file that cannot be read has "error" in place of an answer, and the exit code is 1.`,
    )
    .action(async (files: string[], options: ClassifyOptions) => {
      const results = await withDevice(options, { readOnly: true }, (device) =>
        classify(device, files, options.task),
      );
      print(results, options.json, () =>
        table(
          ['file', 'task', 'label', 'probability'],
          results.map((r) =>
            'error' in r ? [r.file, '-', r.error, '-'] : [r.file, r.task, r.label, percent(r.probability)],
          ),
        ),
      );
      if (results.some((r) => 'error' in r)) process.exitCode = EXIT.no;
    });
}

async function classify(
  { engine, backbone, store }: Device,
  files: string[],
  task?: string,
): Promise<Classified[]> {
  const recognizer = new Recognizer(engine, backbone, store);
  // Known before the slow part: a wrong name is no reason to wait.
  if (task !== undefined) store.tasks.require(task);
  const trunk = await backbone.openTrunk(engine);
  const read = await latentsOfFiles(files, trunk, backbone.manifest.input);
  await trunk.close();
  const latents = read.latents.map((l) => l.latent);
  const answers = latents.length > 0 ? await recognizer.classify(latents, task) : [];
  await recognizer.close();
  const byFile = new Map<string, Answer>(read.latents.map((l, i) => [l.file, answers[i]!]));
  const problems = new Map(read.unreadable.map((u: Unreadable) => [u.file, u.reason]));
  return files.map((file) => {
    const answer = byFile.get(file);
    return answer ? { file, ...answer } : { file, error: problems.get(file)! };
  });
}
