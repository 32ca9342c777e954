import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { exportModel } from '../agent/export.js';
import { writeModel } from '../onnx/write.js';
import { DEFAULT_STORE, withDevice } from './device.js';
import { bytes, print } from './output.js';

interface ExportOptions {
  task: string;
  store: string;
  backbone?: string;
  json: boolean;
}

export function addExport(program: Command): void {
  program
    .command('export')
    .summary('write a task as an ordinary ONNX file')
    .description(
      'Writes what a task runs now as an ordinary ONNX file: picture in, class probabilities out, masks multiplied in. Any ONNX runtime runs it; classes and preprocessing are in its metadata.',
    )
    .requiredOption('--task <name>', 'the task')
    .argument('<file>', 'the ONNX file to write')
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen export --task screws screws.onnx
  python -c "import onnxruntime as r; print(r.InferenceSession('screws.onnx').get_modelmeta().custom_metadata_map)"`,
    )
    .action(async (file: string, options: ExportOptions) => {
      const result = await withDevice(options, { readOnly: true }, async ({ backbone, store }) => {
        const model = await exportModel(backbone, store, options.task);
        writeModel(file, model);
        const classes = JSON.parse(model.metadata['lichen.classes'] ?? '[]') as string[];
        return { task: options.task, file, bytes: statSync(file).size, classes, metadata: model.metadata };
      });
      print(
        result,
        options.json,
        () => `wrote ${result.file} (${bytes(result.bytes)}, classes ${result.classes.join(', ')})`,
      );
    });
}
