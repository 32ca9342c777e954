import { type Command, InvalidArgumentError } from 'commander';
import { measureDeviceMethods } from '../../bench/device-methods.js';
import { openEngine } from '../engine/choose.js';
import { DEVICE_METHODS, deviceMethod } from '../learn/device-method.js';
import { type CommonOptions, common, finish, running } from './bench-shared.js';
import { integer } from './options.js';
import { bytes, percent, table } from './output.js';

/** Caps in MiB with commas between. */
function caps(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.every((v) => Number.isInteger(v) && v > 0)) return values;
  throw new InvalidArgumentError('expected whole numbers of MiB with commas between, such as 1,4,16.');
}

/** Methods of a device with commas between. */
function methods(text: string): string[] {
  const all = text.split(',').map((name) => name.trim());
  for (const name of all) deviceMethod(name);
  return all;
}

/** `lichen bench device` */
export function addDevice(bench: Command): void {
  common(
    bench
      .command('device')
      .summary('every method as a device learns by it, under caps of the replay memory')
      .option('--methods <names>', `${DEVICE_METHODS.join(',')}; some together, as ewc+er`, methods, [
        ...DEVICE_METHODS,
      ])
      .option('--caps <list>', 'caps of the replay memory; MiB', caps, [1, 4, 16])
      .option('--epochs <n>', 'times that every sample is shown', integer(1, 1000), 10)
      .option('--seed <n>', 'of everything random', integer(0, 2 ** 32 - 1), 0),
    `
Examples:
  lichen bench device
  lichen bench device --methods piggyback,ewc+er,cpg --caps 8 --epochs 5 --json`,
  ).action(
    async (options: CommonOptions & { methods: string[]; caps: number[]; epochs: number; seed: number }) => {
      const engine = openEngine('auto');
      const rows = await running('Learning', (say) =>
        measureDeviceMethods(options, { engine, data: options.data, say }),
      );
      const { epochs, seed } = options;
      finish(options, 'device', { epochs, seed, rows }, () =>
        [
          table(
            [
              'cap',
              'method',
              'mean',
              'tasks that run a version',
              'method keeps',
              'samples',
              'adapters',
              'seconds',
            ],
            rows.map((r) => [
              `${r.cap} MiB`,
              r.method,
              percent(r.mean),
              r.trained.length,
              bytes(r.reservedBytes),
              r.samples,
              bytes(r.adapterBytes),
              r.seconds.toFixed(0),
            ]),
          ),
          ...rows.flatMap((r) =>
            r.refused === null ? [] : [`${r.method} under ${r.cap} MiB: ${r.refused}`],
          ),
        ].join('\n'),
      );
    },
  );
}
