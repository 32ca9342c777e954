import type { Command } from 'commander';
import { closeTask } from '../agent/close-task.js';
import { Backbone } from '../backbone/backbone.js';
import { defaultManifest } from '../backbone/manifest.js';
import { openEngine } from '../engine/choose.js';
import type { EngineChoice } from '../engine/engine.js';
import { LichenError } from '../errors.js';
import { openStore, type Store } from '../store/store.js';
import { DEFAULT_STORE } from './device.js';
import { engineOption } from './options.js';
import { bytes, percent, print, table } from './output.js';

interface TasksOptions {
  store: string;
  json: boolean;
}

interface CloseOptions extends TasksOptions {
  backbone?: string;
  engine: EngineChoice;
}

export function addTasks(program: Command): void {
  const tasks = program
    .command('tasks')
    .summary('list tasks and versions; promote, roll back, close')
    .description(
      'Lists what a store holds, or changes what a task runs. Changes need the store for themselves: ask a running agent over MQTT.',
    )
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen tasks
  lichen tasks rollback screws
  lichen tasks promote screws 3
  lichen tasks close screws`,
    )
    .action((options: TasksOptions) => withStore(options, true, (store) => show(store, options)));
  const change = <Options extends TasksOptions>(
    name: string,
    what: string,
    work: (store: Store, args: string[], options: Options) => void | Promise<void>,
  ) =>
    tasks
      .command(name)
      .description(what)
      .action((...all: unknown[]) => {
        const command = all.at(-1) as Command;
        const options = command.optsWithGlobals<Options>();
        return withStore(options, false, async (store) => {
          await work(store, command.args, options);
          show(store, options);
        });
      });
  change('rollback <task>', 'run what the task ran before', (store, [task]) => {
    store.versions.rollback(task!, 'rolled back by hand');
  });
  change(
    'promote <task> <version>',
    "run this version; 'instant' is the instant answer",
    (store, [task, number]) => {
      const id = number === 'instant' ? null : requireNumbered(store, task!, Number(number)).id;
      store.versions.promote(task!, id, 'promoted by hand');
    },
  );
  change<CloseOptions>(
    'close <task>',
    'close a task for good: its answers stay the same bit for bit',
    async (store, [task], options) => {
      const engine = openEngine(options.engine);
      await closeTask(
        engine,
        await Backbone.open(options.backbone ?? defaultManifest(), engine),
        store,
        task!,
      );
    },
  )
    .option('--backbone <manifest>', 'another backbone than the bundled one')
    .addOption(engineOption('what opens the backbone; digests are always of answers of ort'));
}

function requireNumbered(store: Store, task: string, number: number) {
  const version = store.versions.numbered(store.tasks.require(task).name, number);
  if (version) return version;
  const known = store.versions.list(task).map((v) => v.number);
  throw new LichenError(
    'version-unknown',
    `task '${task}' has no version '${number}'; it has ${known.join(', ') || 'none'}`,
  );
}

async function withStore(
  options: TasksOptions,
  readOnly: boolean,
  work: (store: Store) => void | Promise<void>,
): Promise<void> {
  const store = openStore(options.store, { readOnly });
  try {
    await work(store);
  } finally {
    store.close();
  }
}

function show(store: Store, options: TasksOptions): void {
  const list = store.tasks.list().map((task) => {
    const current = store.versions.current(task.name);
    return {
      ...task,
      closed: task.closedAt !== undefined,
      runs: current?.number ?? ('instant' as const),
      versions: store.versions.list(task.name),
    };
  });
  print(list, options.json, () =>
    list.length === 0
      ? 'there is no task yet'
      : list
          .map((t) => {
            const rows = t.versions.map((v) => [
              `${v.number}${v.number === t.runs ? ' *' : ''}`,
              v.isolation,
              v.source,
              v.state,
              percent(v.metrics.heldOutAccuracy as number | null | undefined),
              bytes(v.adapterBytes),
              new Date(v.createdAt).toISOString().slice(0, 19),
            ]);
            const head = `${t.name}${t.closed ? ' (closed)' : ''}: ${t.classes.join(', ')}; runs ${t.runs === 'instant' ? 'the instant answer' : `version ${t.runs}`}`;
            return rows.length === 0
              ? head
              : `${head}\n${table(['version', 'isolation', 'source', 'state', 'held out', 'adapter', 'made'], rows)}`;
          })
          .join('\n\n'),
  );
}
