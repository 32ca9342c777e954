import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { LichenError, messageOf } from '../errors.js';
import { createKeyFiles, loadSigningKey, loadTrustedKey } from '../pack/keys.js';
import { createPack, openPack } from '../pack/pack.js';
import { openStore, type Store } from '../store/store.js';
import { DEFAULT_STORE } from './device.js';
import { integer } from './options.js';
import { bytes, percent, print } from './output.js';
import { publishPack } from './publish-pack.js';

interface PackOptions {
  task?: string;
  number?: number;
  key: string;
  out?: string;
  inspect?: string;
  trust?: string;
  publish?: string;
  to: string[];
  store: string;
  json: boolean;
}

export function addPack(program: Command): void {
  program
    .command('pack')
    .summary("sign a task's adapter for other devices")
    .description(
      'Writes what a task runs now as a signed pack, or another version of it, which a later one may need. A missing key pair is made: keep <key> secret, give <key>.pub to devices (packs.trustedKeys).',
    )
    .option('--task <name>', 'the task')
    .option('--number <n>', 'the version to pack; default is what the task runs', integer(1, 2 ** 31 - 1))
    .option('--key <file>', 'Ed25519 private key, PEM', 'lichen-signing-key.pem')
    .option('--out <file>', 'the pack to write; default <task>-<version>.lichenpack')
    .option('--inspect <file>', 'print what a pack says of itself, verified by --trust')
    .option('--trust <file>', 'public key to verify an inspected pack by')
    .option('--publish <url>', "also give the pack to this hub, as in 'http://127.0.0.1:8080'")
    .option(
      '--to <device>',
      'with --publish: have the hub install it on this device (may be repeated)',
      collect,
      [],
    )
    .option('--store <folder>', 'where tasks and versions are kept', DEFAULT_STORE)
    .option('--json', 'print one line of JSON', false)
    .addHelpText(
      'after',
      `
Examples:
  lichen pack --task screws --key signing.pem
  lichen pack --task screws --number 2
  lichen pack --task screws --publish http://hub.local:8080 --to cam2 --to cam3
  lichen pack --inspect screws-3.lichenpack --trust signing.pem.pub`,
    )
    .action(async (options: PackOptions) => {
      if (options.inspect !== undefined) return inspect(options);
      const store = openStore(options.store, { readOnly: true });
      try {
        const result = await make(store, options);
        print(result, options.json, () =>
          [
            `wrote ${result.file} (${bytes(result.bytes)}): task '${result.task}', version ${result.version}, signed by ${result.signer}`,
            ...result.installed.map((i) => `  ${i.device}: ${i.outcome}`),
          ].join('\n'),
        );
      } finally {
        store.close();
      }
    });
}

const collect = (value: string, before: string[]) => [...before, value];

async function make(store: Store, options: PackOptions) {
  if (options.task === undefined) throw new LichenError('usage', "give the task to pack: '--task <name>'");
  const task = store.tasks.require(options.task);
  const { number } = options;
  const version =
    number === undefined ? store.versions.current(task.name) : store.versions.numbered(task.name, number);
  if (!version && number !== undefined) {
    const known = store.versions.list(task.name).map((v) => v.number);
    const has = known.length > 0 ? `it has ${known.join(', ')}` : 'it has none yet';
    throw new LichenError('pack-nothing', `task '${task.name}' has no version ${number}; ${has}`);
  }
  if (!version) {
    throw new LichenError(
      'pack-nothing',
      `task '${task.name}' runs its instant answer, which is not packed; train it, or promote a version, first`,
    );
  }
  const key = existsSync(options.key)
    ? loadSigningKey(options.key)
    : createKeyFiles(options.key, `${options.key}.pub`);
  const numbers = Object.entries(version.metrics).filter(
    (e): e is [string, number] => typeof e[1] === 'number',
  );
  const adapter = store.versions.adapter(version.id);
  const pack = createPack(
    {
      task: task.name,
      classes: [...version.classes],
      isolation: version.isolation,
      backbone: { ...task.backbone },
      version: version.number,
      requires: version.requires.map((r) => ({ ...r })),
      metrics: Object.fromEntries(numbers),
      digest: version.digest ?? 'none',
      createdAt: new Date().toISOString(),
    },
    adapter,
    key,
  );
  const file = options.out ?? `${task.name}-${version.number}.lichenpack`;
  // Whole or not at all: on a full disk an earlier pack of this name stays what it is.
  const draft = `${file}.new`;
  try {
    writeFileSync(draft, pack);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw new LichenError('pack-unwritable', `cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
  const installed = options.publish === undefined ? [] : await publishPack(options.publish, pack, options.to);
  return { file, bytes: pack.length, task: task.name, version: version.number, signer: key.id, installed };
}

function inspect({ inspect: file, trust, json }: PackOptions): void {
  if (trust === undefined) {
    throw new LichenError(
      'usage',
      "a pack is read only by a key that it can be verified with: give '--trust <public key>'",
    );
  }
  let pack: Buffer;
  try {
    pack = readFileSync(file!);
  } catch (error) {
    throw new LichenError('pack-unreadable', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
  const { manifest } = openPack(pack, [loadTrustedKey(trust)]);
  print(manifest, json, () =>
    [
      `task '${manifest.task}', version ${manifest.version} (${manifest.isolation}), signed by ${manifest.signer} at ${manifest.createdAt}`,
      `classes: ${manifest.classes.join(', ')}`,
      `backbone: ${manifest.backbone.name} ${manifest.backbone.sha256.slice(0, 12)} cut at ${manifest.backbone.split}`,
      `adapter: ${bytes(manifest.adapter.bytes)}, accuracy held out where it was trained: ${percent(manifest.metrics.heldOutAccuracy)}`,
    ].join('\n'),
  );
}
