import { readFileSync, writeFileSync } from 'node:fs';
import { beforeEach, describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { ConfigInvalid, loadConfig } from '../../src/config/load.js';
import type { RowChange } from '../../src/label/settings-api.js';
import { SettingsFile } from '../../src/label/settings-file.js';
import { errorOf } from '../error-of.js';
import { scratchFolder } from '../store/scratch.js';

const YAML = `# The camera over the belt.
replay:
  cap: 8 MiB # The card is small.
# What it sees with.
sources:
  # At the door.
  - kind: ffmpeg
    name: door # as people say
    input: rtsp://admin:geheim88@10.0.0.9/stream
    options: [-rtsp_transport, tcp]
    trigger:
      motion: {}
      message:
        topic: line/take
        broker: { url: "mqtt://other", password: geheim55 }
  # Where the scanner puts its pictures.
  - kind: directory
    path: /srv/in
    layout: class
    task: goods
  - kind: snapshot
    url: http://camera/still.jpg
    headers:
      Authorization: Bearer geheim44
# Who is told.
webhooks:
  - url: http://home/hook
    on: [result, novel]
    secret: geheim0123456789
tasks:
  goods: { epochs: 12 } # slow ones
packs:
  trustedKeys: [/etc/a.pem, /etc/b.pem]
label:
  weak:
    - topic: plc/result
      task: goods
      labels: { "0": good, "1": crack }
`;
const scratch = scratchFolder();
let file: string;
let settings: SettingsFile;

beforeEach(() => {
  file = scratch.path('lichen.yaml');
  writeFileSync(file, YAML);
  settings = new SettingsFile(agentConfigSchema, file, loadConfig(agentConfigSchema, file, { env: {} }));
});

const text = () => readFileSync(file, 'utf8');
const config = () => loadConfig(agentConfigSchema, file, { env: {} });
const list = (key: string) => settings.view().settings.find((s) => s.key === key)!.list!;
const save = (key: string, rows: RowChange[]) =>
  settings.setList({ key, rows, stamp: settings.view().stamp });
/** Rows as they are. */
const kept = (count: number): RowChange[] => Array.from({ length: count }, (_, from) => ({ from, set: {} }));

describe('rows', () => {
  it('are shown as they are written, without secrets, with the fields of their kind', () => {
    expect(JSON.stringify(settings.view())).not.toMatch(/geheim/);
    const { rows, kinds } = list('sources');
    expect(rows[0]).toEqual({
      kind: 'ffmpeg',
      values: {
        name: 'door',
        options: '-rtsp_transport\ntcp',
        trigger: 'true',
        'trigger.motion': 'true',
        'trigger.message': 'true',
        'trigger.message.topic': 'line/take',
        'trigger.message.broker': 'true',
        'trigger.message.broker.url': 'mqtt://other',
      },
      hidden: ['input', 'trigger.message.broker.password'],
    });
    expect(rows[2]).toMatchObject({ values: { url: 'http://camera/still.jpg' }, hidden: ['headers'] });
    const field = (kind: string, path: string) =>
      kinds.find((k) => k.kind === kind)!.fields.find((f) => f.path === path);
    expect(field('ffmpeg', 'input')).toMatchObject({ kind: 'text', required: true });
    expect(field('ffmpeg', 'options')).toMatchObject({ kind: 'values' });
    expect(field('ffmpeg', 'region')).toMatchObject({ kind: 'group', required: false });
    expect(field('ffmpeg', 'trigger')).toMatchObject({ kind: 'group', required: true });
    expect(field('ffmpeg', 'stall')).toMatchObject({ kind: 'text', default: '30 s' });
    expect(field('ffmpeg', 'drop.blurred')).toMatchObject({ kind: 'text', allowed: ['false', 'auto'] });
    expect(field('directory', 'layout')).toMatchObject({ kind: 'choice', default: 'flat' });
    expect(field('directory', 'input')).toBeUndefined();
    expect(list('webhooks').kinds[0]!.fields.find((f) => f.path === 'on')).toMatchObject({
      kind: 'choices',
      allowed: expect.arrayContaining(['result', 'drift']),
    });
    expect(list('tasks').rows).toEqual([
      { kind: null, values: { '<name>': 'goods', epochs: '12' }, hidden: [] },
    ]);
    expect(list('packs.trustedKeys').rows.map((r) => r.values[''])).toEqual(['/etc/a.pem', '/etc/b.pem']);
    expect(list('label.weak').rows[0]!.values.labels).toBe('"0": good\n"1": crack');
  });

  it('that are saved unchanged leave the file as it was, secrets and comments too', () => {
    const before = config();
    for (const [key, count] of [
      ['sources', 3],
      ['webhooks', 1],
      ['tasks', 1],
      ['packs.trustedKeys', 2],
      ['label.weak', 1],
    ] as const) {
      save(key, kept(count));
    }
    expect(config()).toEqual(before);
    for (const comment of YAML.match(/#.*/g)!) expect(text()).toContain(comment);
  });

  it('are changed by the field, moved, taken out and added', () => {
    save('sources', [
      { from: 1, set: { layout: 'task/class', task: '', settle: '2 s', 'sound.rate': '8000' } },
      {
        from: 0,
        set: {
          name: 'gate',
          options: '-rtsp_transport\nudp\n\n',
          'trigger.motion.area': '0.05',
          'trigger.message': 'false',
          'drop.duplicates': '6',
          'drop.blurred': 'false',
          region: 'true',
          ...{ 'region.x': '0', 'region.y': '0.5', 'region.width': '1', 'region.height': '0.5' },
        },
      },
      { from: null, kind: 'rpicam', set: { name: 'roof', width: '800' } },
    ]);
    const [folder, camera, roof] = config().sources;
    expect(folder).toMatchObject({
      kind: 'directory',
      layout: 'task/class',
      settle: 2000,
      sound: { rate: 8000 },
    });
    expect(folder).not.toHaveProperty('task');
    expect(camera).toMatchObject({
      ...{ name: 'gate', input: 'rtsp://admin:geheim88@10.0.0.9/stream' },
      options: ['-rtsp_transport', 'udp'],
      trigger: { motion: { area: 0.05 } },
      drop: { duplicates: 6, blurred: false },
      region: { x: 0, y: 0.5, width: 1, height: 0.5, crop: true },
    });
    expect((camera as { trigger: object }).trigger).not.toHaveProperty('message');
    expect(roof).toMatchObject({ kind: 'rpicam', name: 'roof', width: 800 });
    // The third row went; comments of the rest, and those elsewhere, stay.
    expect(config().sources).toHaveLength(3);
    for (const comment of [
      'over the belt',
      'card is small',
      'as people say',
      'scanner puts',
      'Who is told',
    ]) {
      expect(text()).toContain(comment);
    }
    expect(settings.view().restartNeeded).toBe(true);
  });

  it('of plain values, of a record and of nothing are changed, too', () => {
    save('packs.trustedKeys', [
      { from: 1, set: {} },
      { from: null, set: { '': '/etc/c.pem' } },
    ]);
    expect(config().packs.trustedKeys).toEqual(['/etc/b.pem', '/etc/c.pem']);
    save('tasks', [
      { from: 0, set: { '<name>': 'tiles', isolation: 'pnn' } },
      { from: null, set: { '<name>': 'tops', epochs: '3' } },
    ]);
    expect(config().tasks).toEqual({ tiles: { epochs: 12, isolation: 'pnn' }, tops: { epochs: 3 } });
    expect(text()).toContain('slow ones');
    save('webhooks', [
      { from: 0, set: { on: 'drift\ntrained', secret: 'another-one-0123456789' } },
      { from: null, set: { url: 'https://example.org/x' } },
    ]);
    expect(config().webhooks).toMatchObject([
      { on: ['drift', 'trained'], secret: 'another-one-0123456789' },
      { url: 'https://example.org/x', on: ['result'] },
    ]);
    save('label.weak', [{ from: 0, set: { labels: '"0": fine', trust: '0.9' } }]);
    expect(config().label.weak[0]).toMatchObject({ labels: { 0: 'fine' }, trust: 0.9 });
    for (const key of ['sources', 'webhooks', 'tasks', 'packs.trustedKeys', 'label.weak']) save(key, []);
    expect(config()).toMatchObject({ sources: [], webhooks: [], tasks: {}, label: { weak: [] } });
    save('sources', [{ from: null, kind: 'directory', set: { path: '/srv' } }]);
    expect(config().sources).toMatchObject([{ kind: 'directory', path: '/srv' }]);
    expect(text()).toContain('# What it sees with.');
  });
});

describe('rows that are wrong', () => {
  it('are refused by row and field, without secrets, and nothing is written', () => {
    const refused = errorOf(() =>
      save('sources', [
        ...kept(2),
        { from: 2, set: { every: 'soon', url: 'ftp://u:geheim33@x' } },
        { from: null, kind: 'gstreamer', set: {} },
      ]),
    );
    expect(refused).toBeInstanceOf(ConfigInvalid);
    const { problems, message } = refused as unknown as ConfigInvalid;
    expect(problems.map((p) => p.key)).toEqual(expect.arrayContaining(['sources.2.every', 'sources.2.url']));
    expect(problems.some((p) => p.key.startsWith('sources.3'))).toBe(true);
    expect(message + JSON.stringify(problems)).not.toMatch(/geheim/);
    expect(text()).toBe(YAML);
  });

  it('are refused where two of a record have one name', () => {
    const { code, message } = errorOf(() =>
      save('tasks', [...kept(1), { from: null, set: { '<name>': 'goods', epochs: '3' } }]),
    );
    expect([code, message.includes('geheim')]).toEqual(['config-invalid', false]);
    expect(text()).toBe(YAML);
  });

  it('are refused where the file is another one by now, or the row or the field is not there', () => {
    const { stamp } = settings.view();
    writeFileSync(file, `${YAML}# by hand\n`);
    expect(errorOf(() => settings.setList({ key: 'sources', stamp, rows: [] })).code).toBe(
      'settings-changed',
    );
    expect(errorOf(() => save('sources', [{ from: 9, set: {} }])).code).toBe('settings-changed');
    expect(errorOf(() => save('sources', [{ from: 0, set: { 'constructor.x': '1' } }])).code).toBe(
      'setting-unknown',
    );
    expect(errorOf(() => save('replay.cap', [])).code).toBe('setting-unknown');
    expect(text()).toBe(`${YAML}# by hand\n`);
  });

  it('are refused where one stands twice', () => {
    const rows = [...kept(1), { from: 0, set: { url: 'http://other/' } }];
    const { code, message } = errorOf(() => save('webhooks', rows));
    expect([code, message]).toEqual(['request-invalid', 'rows: row 0 stands there twice; expected it once']);
    expect(text()).toBe(YAML);
  });
});

describe('a file that a person wrote', () => {
  it('may say the same by an alias: it becomes a copy where it is changed', () => {
    writeFileSync(
      file,
      `webhooks:
  - &home { url: "http://home/hook", on: [novel] }
  - *home
tasks:
  goods: &goods { epochs: 12, isolation: pnn }
  more: *goods
  most: *goods
`,
    );
    save('webhooks', [
      { from: 0, set: {} },
      { from: 1, set: { url: 'http://office/hook' } },
    ]);
    expect(config().webhooks.map(({ url, on }) => [url, on])).toEqual([
      ['http://home/hook', ['novel']],
      ['http://office/hook', ['novel']],
    ]);
    save('tasks', [
      { from: 0, set: { epochs: '3' } },
      { from: 1, set: { epochs: '5' } },
      { from: 2, set: {} },
    ]);
    expect(config().tasks).toEqual({
      goods: { epochs: 3, isolation: 'pnn' },
      more: { epochs: 5, isolation: 'pnn' },
      most: { epochs: 3, isolation: 'pnn' },
    });
    expect(text()).toContain('most: *goods');
  });

  it('is shown while its rows are wrong', () => {
    writeFileSync(file, 'webhooks: [5, null]\nsources: [null, 3, { kind: 7 }]\ntasks: { a: 5, b: null }\n');
    expect(list('sources').rows).toHaveLength(3);
    expect(list('tasks').rows.map(({ values }) => values['<name>'])).toEqual(['a', 'b']);
    const tens = (name: string) => `[${Array(10).fill(`*${name}`)}]`;
    for (const aliases of [
      'webhooks: *nothing\n',
      `label: &a [1, 1, 1]\nreplay: &b ${tens('a')}\nmqtt: &c ${tens('b')}\nwebhooks: ${tens('c')}\n`,
    ]) {
      writeFileSync(file, aliases);
      expect(list('webhooks').rows.map(({ values }) => values.url)).toEqual(['http://home/hook']);
      expect(errorOf(() => settings.set('replay.cap', '4 MiB')).code).toBe('config-invalid');
      expect(text()).toBe(aliases);
    }
  });
});
