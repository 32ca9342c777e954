import { chmodSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sourceSchema } from '../../src/capture/config.js';
import { loadConfig } from '../../src/config/load.js';
import { byteSize } from '../../src/config/units.js';
import { errorOf } from '../error-of.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { scratchFolder } from '../store/scratch.js';

const schema = z.strictObject({
  device: z.strictObject({ id: z.string().default('d') }).prefault({}),
  store: z.string().default('/var/lib/lichen'),
  learn: z.strictObject({ epochs: z.int().min(1).default(10), newLabels: z.int().default(20) }).prefault({}),
  replay: z.strictObject({ cap: byteSize().default(1024) }).prefault({}),
  mqtt: z
    .strictObject({
      protocol: z.union([z.literal(4), z.literal(5)]).default(4),
      password: z.string().optional(),
      clean: z.boolean().default(false),
    })
    .prefault({}),
  log: z.enum(['info', 'warn']).default('info'),
  sources: z.array(sourceSchema).default([]),
  tasks: z
    .record(z.string().regex(/^\w+$/, 'expected a word'), z.strictObject({ epochs: z.int().optional() }))
    .default({}),
});
const scratch = scratchFolder();
const settingsFile = () => scratch.path('lichen.yaml');

function load(text: string | Buffer, env: NodeJS.ProcessEnv = {}): z.infer<typeof schema> {
  writeFileSync(settingsFile(), text);
  return loadConfig(schema, settingsFile(), { env });
}

/** The lines about single settings. */
const problems = (run: () => unknown): string[] => {
  const { code, message } = errorOf(run);
  expect(code).toBe('config-invalid');
  expect(message.split('\n')[0]).toMatch(
    new RegExp(`^${settingsFile()}: (one setting is|\\d+ settings are) wrong\\.$`),
  );
  return message
    .split('\n')
    .filter((l) => l.startsWith('  '))
    .map((l) => l.trim());
};

describe('settings from a file', () => {
  it('are laid over the defaults', () => {
    const settings = load('device:\n  id: cam\nreplay:\n  cap: 2 KiB\n');
    expect(settings).toMatchObject({
      device: { id: 'cam' },
      replay: { cap: 2048 },
      store: '/var/lib/lichen',
    });
  });

  it.each([
    ['an empty file', ''],
    ['comments only', '# nothing\n'],
    ['groups with nothing in them', 'device:\nmqtt:\n'],
    ['no file', undefined],
  ])('are the defaults with %s', (_, text) => {
    const settings = text === undefined ? loadConfig(schema, undefined, { env: {} }) : load(text);
    expect(settings).toMatchObject({ device: { id: 'd' }, learn: { epochs: 10 }, log: 'info' });
  });

  it('take what a command line sets last', () => {
    writeFileSync(settingsFile(), 'learn:\n  epochs: 3\n');
    const options = { env: { LICHEN_LEARN_EPOCHS: '4' }, overrides: { 'learn.epochs': 5, store: '/x' } };
    expect(loadConfig(schema, settingsFile(), options)).toMatchObject({ learn: { epochs: 5 }, store: '/x' });
  });
});

describe('a wrong setting', () => {
  it.each([
    [
      'a key that is nearly right',
      'stroe: /a\n',
      ["line 1: 'stroe' is not a setting; did you mean 'store'?"],
    ],
    [
      'a key in another case',
      'learn:\n  newlabels: 3\n',
      ["line 2: 'learn.newlabels' is not a setting; did you mean 'newLabels'?"],
    ],
    [
      'a key far from all',
      'mqtt:\n  zzzzzz: 1\n',
      ["line 2: 'mqtt.zzzzzz' is not a setting; known here: protocol, password, clean"],
    ],
    [
      "a key of a list's member",
      'sources:\n  - kind: directory\n    path: /a\n    lay: flat\n',
      [
        "line 4: 'sources.0.lay' is not a setting; known here: kind, name, path, layout, task, trust, sound, settle",
      ],
    ],
    [
      "a key of a record's member",
      'tasks:\n  t:\n    epoch: 1\n',
      ["line 3: 'tasks.t.epoch' is not a setting; did you mean 'epochs'?"],
    ],
    ["a record's name", 'tasks:\n  a b: {}\n', ["line 2: 'tasks.a b' is {}; expected a word"]],
    [
      'a type',
      'learn:\n  epochs: many\n',
      ['line 2: \'learn.epochs\' is "many"; Invalid input: expected number, received string'],
    ],
    [
      'a value out of range',
      '\nlearn: {epochs: 0}\n',
      ["line 2: 'learn.epochs' is 0; Too small: expected number to be >=1"],
    ],
    ['a choice', 'log: loud\n', ['line 1: \'log\' is "loud"; Invalid option: expected one of "info"|"warn"']],
    [
      'a choice of numbers',
      'mqtt:\n  protocol: 3\n',
      ["line 2: 'mqtt.protocol' is 3; expected 4, or expected 5"],
    ],
    [
      'a kind',
      'sources:\n  - kind: camera\n',
      [
        "line 2: 'sources.0.kind' is \"camera\"; Invalid discriminator value. Expected 'directory' | 'ffmpeg' | 'rpicam' | 'gstreamer' | 'snapshot' | 'mqtt' | 'http-post' | 'sound' | 'samples'",
      ],
    ],
    [
      'a unit',
      'replay:\n  cap: 3 acres\n',
      [
        'line 2: \'replay.cap\' is "3 acres"; expected a size such as 16 MiB or 200 MB (units: B, kB, MB, GB, KiB, MiB, GiB)',
      ],
    ],
    [
      'a value in place of a group',
      'mqtt: 5\n',
      ["line 1: 'mqtt' is 5; Invalid input: expected object, received number"],
    ],
    [
      'no number',
      'learn:\n  epochs: .nan\n',
      ["line 2: 'learn.epochs' is NaN; Invalid input: expected number, received NaN"],
    ],
    [
      '__proto__',
      '__proto__:\n  id: x\n',
      [
        "line 1: '__proto__' is not a setting; known here: device, store, learn, replay, mqtt, log, sources, tasks",
      ],
    ],
  ])('%s: its place, its value, what is allowed', (_, text, expected) => {
    expect(problems(() => load(text))).toEqual(expected);
  });

  it('does not hide the others', () => {
    expect(problems(() => load('log: loud\nlearn:\n  epochs: 0\n  epoch: 1\n'))).toHaveLength(3);
  });

  it('never shows a password', () => {
    const { message } = errorOf(() => load('mqtt:\n  password: 424242\n'));
    expect(message).toMatch(/'mqtt.password' is a value that is not shown; .*expected string/);
    expect(message).not.toContain('424242');
  });
});

describe('the environment', () => {
  it('sets what its names say, over the file, in the type of the setting', () => {
    const env = {
      LICHEN_LEARN_NEW_LABELS: '7',
      LICHEN_MQTT_CLEAN: 'true',
      LICHEN_REPLAY_CAP: '4 KiB',
      LICHEN_MQTT_PROTOCOL: '5',
      LICHEN_UNKNOWN: 'x',
      LICHEN_SOURCES_PATH: '/x',
    };
    expect(load('learn:\n  newLabels: 3\n  epochs: 2\n', env)).toMatchObject({
      learn: { newLabels: 7, epochs: 2 },
      mqtt: { clean: true, protocol: 5 },
      replay: { cap: 4096 },
    });
  });

  it('leaves text that looks like a number or a truth value as it is where text is wanted', () => {
    const env = { LICHEN_DEVICE_ID: '007', LICHEN_MQTT_PASSWORD: '1e5', LICHEN_STORE: 'true' };
    expect(load('', env)).toMatchObject({ device: { id: '007' }, mqtt: { password: '1e5' }, store: 'true' });
  });

  it('is named where it is wrong', () => {
    expect(problems(() => load('learn:\n  epochs: 2\n', { LICHEN_LEARN_EPOCHS: 'many' }))).toEqual([
      'environment LICHEN_LEARN_EPOCHS: \'learn.epochs\' is "many"; Invalid input: expected number, received string',
    ]);
    expect(problems(() => load('', { LICHEN_LEARN_EPOCHS: '' }))[0]).toContain('\'learn.epochs\' is ""');
  });
});

describe('a file that holds no settings', () => {
  it.each([
    ['no YAML', 'a: [1\n', /is not valid YAML: .* at line 2/],
    ['a key twice', 'store: /a\nstore: /b\n', /is not valid YAML: Map keys must be unique at line 2/],
    ['two documents', 'store: /a\n---\nstore: /b\n', /is not valid YAML: .*multiple documents/],
    ['a list', '- a\n', /expected settings as 'key: value' lines, got a list/],
    ['plain text', 'hello\n', /expected settings as 'key: value' lines, got string/],
    ['a picture', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 74, 70]), /lichen\.yaml/],
    ['an alias to nothing', 'store: *a\n', /is not valid YAML: .*alias/i],
    [
      'aliases that multiply',
      `a: &a [${'x,'.repeat(9)}]\nb: &b [${'*a,'.repeat(9)}]\nc: &c [${'*b,'.repeat(9)}]\nd: [${'*c,'.repeat(9)}]\n`,
      /is not valid YAML: Excessive alias count/,
    ],
  ])('%s', (_, text, message) => {
    const error = errorOf(() => load(text));
    expect(error.code).toBe('config-invalid');
    expect(error.message).toMatch(message);
    expect(error.message).toContain(settingsFile());
  });

  it.each([
    ['missing', () => scratch.path('none.yaml'), /cannot read the settings in .*none\.yaml: ENOENT/],
    ['a folder', () => scratch.path(), /cannot read the settings in .*: EISDIR/],
    ['below a device', () => '/dev/null/x.yaml', /cannot read the settings in .*: ENOTDIR/],
    [
      'far too large',
      () => {
        const large = scratch.path('large.yaml');
        writeFileSync(large, '# a comment line\n'.repeat(70_000));
        return large;
      },
      /cannot read the settings in .*large\.yaml: it has 1190000 bytes; settings have at most 1048576/,
    ],
  ])('%s', (_, path, message) => {
    const error = errorOf(() => loadConfig(schema, path(), { env: {} }));
    expect(error.code).toBe('config-unreadable');
    expect(error.message).toMatch(message);
  });

  it('one that may not be read', async () => {
    // Others may enter the folder, so that only the file itself is in the way.
    chmodSync(scratch.path(), 0o755);
    const locked = scratch.path('locked.yaml');
    writeFileSync(locked, 'store: /a\n');
    chmodSync(locked, 0);
    // The administrator may read everything: ask as nobody, in a process of its own.
    if (process.getuid?.() === 0) {
      const asked = spawnTypeScript(fileURLToPath(new URL('read-settings-as-nobody.ts', import.meta.url)), [
        locked,
      ]);
      await asked.ended;
      expect(asked.output()).toMatch(/LichenError: cannot read the settings in .*locked\.yaml: EACCES/);
    } else {
      expect(errorOf(() => loadConfig(schema, locked)).message).toMatch(/EACCES/);
    }
  });
});
