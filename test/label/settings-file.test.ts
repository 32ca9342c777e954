import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { loadConfig } from '../../src/config/load.js';
import { SettingsFile } from '../../src/label/settings-file.js';
import { errorOf } from '../error-of.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { scratchFolder } from '../store/scratch.js';

const YAML = `# The camera over the belt.
device:
  id: belt-1   # as on its sticker

replay:
  # The card is small.
  cap: 8 MiB
label:
mqtt:
  url: mqtt://lichen:geheim99@broker.local:1883
  password: geheim77
sources:
  - kind: ffmpeg
    name: door
    input: rtsp://admin:geheim88@10.0.0.9/stream
`;
const scratch = scratchFolder();
let file: string;

beforeEach(() => {
  file = scratch.path('lichen.yaml');
  writeFileSync(file, YAML, { mode: 0o640 });
});

const open = () =>
  new SettingsFile(agentConfigSchema, file, loadConfig(agentConfigSchema, file, { env: {} }));
const setting = (settings: SettingsFile, key: string) => settings.view().settings.find((s) => s.key === key)!;
const text = () => readFileSync(file, 'utf8');

describe('writing a setting', () => {
  it('changes its line alone: comments, order and the rest stay', () => {
    const settings = open();
    expect(setting(settings, 'replay.cap')).toMatchObject({ value: '8 MiB', kind: 'text', changed: true });
    const view = settings.set('replay.cap', '32 MiB');
    expect(text()).toBe(YAML.replace('8 MiB', '32 MiB').replace('1   #', '1 #'));
    expect(view).toMatchObject({ file, restartNeeded: true, readOnly: null });
    expect(view.settings.find((s) => s.key === 'replay.cap')).toMatchObject({ value: '32 MiB' });
    expect(statSync(file).mode & 0o777).toBe(0o640);
    expect(readdirSync(scratch.path())).toEqual(['lichen.yaml']);
    expect(loadConfig(agentConfigSchema, file, { env: {} }).replay.cap).toBe(32 * 2 ** 20);
  });

  it('leaves a link to the file one', () => {
    const link = scratch.path('link.yaml');
    symlinkSync(file, link);
    new SettingsFile(agentConfigSchema, link, loadConfig(agentConfigSchema, link, { env: {} })).set(
      'replay.cap',
      '32 MiB',
    );
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(text()).toContain('cap: 32 MiB');
    expect(readdirSync(scratch.path()).sort()).toEqual(['lichen.yaml', 'link.yaml']);
  });

  it('keeps what a group is by an alias', () => {
    writeFileSync(file, 'tasks:\n  goods: &own { epochs: 3 }\nlearn: *own\n');
    const settings = new SettingsFile(agentConfigSchema, file, agentConfigSchema.parse({}));
    settings.set('learn.newLabels', '9');
    const { tasks, learn } = loadConfig(agentConfigSchema, file, { env: {} });
    expect([tasks.goods, learn.epochs, learn.newLabels]).toEqual([{ epochs: 3 }, 3, 9]);
  });

  it('makes the group where there is none, or an empty one', () => {
    const settings = open();
    settings.set('label.perDay', '7');
    settings.set('label.thumbnails', 'false');
    settings.set('learn.newLabels', '50');
    const { label, learn } = loadConfig(agentConfigSchema, file, { env: {} });
    expect(label).toMatchObject({ perDay: 7, thumbnails: false });
    expect(learn.newLabels).toBe(50);
    expect(setting(settings, 'label.perDay')).toMatchObject({ value: '7', changed: true, kind: 'number' });
    expect(setting(settings, 'label.thumbnails')).toMatchObject({ value: 'false', kind: 'switch' });
    expect(text()).toContain('# The card is small.');
  });

  it('takes one out with an empty value, also where it was not written', () => {
    const settings = open();
    settings.set('replay.cap', '');
    expect(text()).not.toContain('8 MiB');
    expect(setting(settings, 'replay.cap')).toMatchObject({ changed: false, value: '16 MiB' });
    settings.set('label.perDay', '');
    settings.set('learn.newLabels', '');
    expect(loadConfig(agentConfigSchema, file, { env: {} }).label.perDay).toBe(20);
  });

  it('refuses a wrong value by the name of its setting, and writes nothing', () => {
    const settings = open();
    for (const [key, value] of [
      ['replay.cap', 'a lot'],
      ['label.perDay', '-1'],
      ['label.perDay', 'many'],
      ['label.thumbnails', 'perhaps'],
      ['label.keep', '3 bananas'],
      ['mqtt.url', 'http://broker'],
    ] as const) {
      const { code, message } = errorOf(() => settings.set(key, value));
      expect(code).toBe('config-invalid');
      expect(message).toContain(key);
      expect(message).toContain(file);
      expect(message).not.toContain('.new');
    }
    expect(text()).toBe(YAML);
    expect(readdirSync(scratch.path())).toEqual(['lichen.yaml']);
    expect(settings.view().restartNeeded).toBe(false);
  });

  it('refuses what is no setting, and lists', () => {
    const settings = open();
    expect(errorOf(() => settings.set('replay.size', '1')).code).toBe('setting-unknown');
    expect(errorOf(() => settings.set('__proto__.x', '1')).code).toBe('setting-unknown');
    expect(errorOf(() => settings.set('sources', '[]')).code).toBe('setting-not-here');
    expect(text()).toBe(YAML);
  });
});

describe('what is shown', () => {
  it('is never a secret, neither by its name nor within an address', () => {
    const settings = open();
    const view = settings.view();
    expect(JSON.stringify(view)).not.toMatch(/geheim/);
    expect(setting(settings, 'mqtt.password')).toMatchObject({ secret: true, value: '', changed: true });
    expect(setting(settings, 'mqtt.url')).toMatchObject({ secret: true, value: '', changed: true });
    expect(setting(settings, 'sources')).toMatchObject({ kind: 'list' });
    expect(setting(settings, 'sources').value).toContain('rtsp://admin:...@10.0.0.9/stream');
    expect(JSON.stringify(settings.set('mqtt.password', 'geheim66'))).not.toMatch(/geheim/);
    expect(loadConfig(agentConfigSchema, file, { env: {} }).mqtt.password).toBe('geheim66');
    settings.set('mqtt.url', 'mqtt://broker.local:1883');
    expect(setting(settings, 'mqtt.url')).toMatchObject({ secret: false, value: 'mqtt://broker.local:1883' });
  });

  it('is what the agent runs by, and why nothing can be changed', () => {
    const running = loadConfig(agentConfigSchema, file, {
      env: {},
      overrides: { 'replay.cap': 4 * 2 ** 20 },
    });
    expect(setting(new SettingsFile(agentConfigSchema, file, running), 'replay.cap').value).toBe('4 MiB');
    const without = new SettingsFile(agentConfigSchema, undefined, running);
    expect(without.view()).toMatchObject({ file: null, readOnly: 'no-file' });
    expect(errorOf(() => without.set('replay.cap', '8 MiB')).code).toBe('settings-read-only');
  });
});

describe('a file that cannot be written', () => {
  it('is shown, and left as it is', async () => {
    if (process.getuid?.() === 0) {
      // The superuser may write anything: ask as nobody, in a process of its own.
      chmodSync(scratch.path(), 0o755);
      chmodSync(file, 0o644);
      const program = fileURLToPath(new URL('set-setting-as-nobody.ts', import.meta.url));
      const asked = spawnTypeScript(program, [file]);
      await asked.ended;
      expect(asked.output()).toBe(
        `not-writable\nThe agent may not write ${file}; change it there, or give its user the right to.\nsettings-read-only\n`,
      );
    } else {
      const settings = open();
      chmodSync(file, 0o440);
      expect(settings.view().readOnly).toBe('not-writable');
      expect(errorOf(() => settings.set('replay.cap', '32 MiB')).code).toBe('settings-read-only');
    }
    expect(text()).toBe(YAML);
  });

  it('may have gone', () => {
    const settings = open();
    rmSync(file);
    expect(settings.view().readOnly).toBe('file-gone');
    const { code, message } = errorOf(() => settings.set('replay.cap', '32 MiB'));
    expect([code, message]).toEqual([
      'settings-read-only',
      `${file} is not there any more; put it back, or start the agent with another one.`,
    ]);
  });

  it('may have become something that cannot be read', () => {
    const settings = open();
    rmSync(file);
    mkdirSync(file);
    const { code, message } = errorOf(() => settings.set('replay.cap', '32 MiB'));
    expect([code, message.startsWith(`${file} cannot be read;`)]).toEqual(['settings-read-only', true]);
    rmdirSync(file);
  });

  it('may have been broken by hand', () => {
    const settings = open();
    writeFileSync(file, 'mqtt: { password: geheim55, password: geheim66 }\n');
    expect(errorOf(() => settings.set('replay.cap', '32 MiB')).message).not.toContain('geheim');
    writeFileSync(file, 'replay: [8 MiB\n');
    expect(errorOf(() => settings.set('replay.cap', '32 MiB')).code).toBe('config-invalid');
    expect(text()).toBe('replay: [8 MiB\n');
  });
});
