import type { Command } from 'commander';
import { verifyStore } from '../agent/verify.js';
import type { EngineChoice } from '../engine/engine.js';
import { DEFAULT_STORE, withDevice } from './device.js';
import { EXIT } from './exit.js';
import { engineOption } from './options.js';
import { print, table } from './output.js';

interface VerifyOptions {
  task?: string;
  store: string;
  backbone?: string;
  engine: EngineChoice;
  json: boolean;
}

export function addVerify(program: Command): void {
  program
    .command('verify')
    .summary('prove that nothing was forgotten')
    .description(
      "Recomputes every version's answers on fixed probes and compares their digests, bit for bit, with those recorded when the version was made.",
    )
    .option('--task <name>', 'only this task')
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .addOption(engineOption('what opens the backbone; digests are always of answers of ort'))
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen verify
  lichen verify --task screws --json

Exit code 1 when a digest differs. Digests are those of the processor that recorded them: a store moved to
another kind of processor may differ in the last bits.`,
    )
    .action(async (options: VerifyOptions) => {
      const results = await withDevice(options, { readOnly: true }, ({ engine, backbone, store }) =>
        verifyStore(engine, backbone, store, options.task),
      );
      const ok = results.every((r) => r.ok);
      print({ ok, versions: results }, options.json, () =>
        results.length === 0
          ? 'there is no version to verify'
          : table(
              ['task', 'version', 'current', 'closed', 'digest', 'verified'],
              results.map((r) => [
                r.task,
                r.version,
                r.current ? 'yes' : '',
                r.closed ? 'yes' : '',
                r.digest?.slice(0, 16) ?? '-',
                r.ok ? 'same bits' : `NO: ${r.problem}`,
              ]),
            ),
      );
      if (!ok) process.exitCode = EXIT.no;
    });
}
