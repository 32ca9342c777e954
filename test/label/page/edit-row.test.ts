import { expect, test } from 'vitest';
import { agentConfigSchema } from '../../../src/agent/config.js';
import { settingsOf } from '../../../src/config/schema-keys.js';
import {
  areChanged,
  changesOf,
  editRows,
  fieldsOf,
  newRow,
  problemsOf,
  shownFields,
  textOf,
  titleOf,
  withoutChange,
  withValue,
} from '../../../src/label/page/settings/list/edit-row.js';
import { SettingsList } from '../../../src/label/settings-list.js';

const all = settingsOf(agentConfigSchema);
const listOf = (key: string, value: unknown) =>
  new SettingsList(all.find((s) => s.key === key)!, all).view(value, false);
const sources = listOf('sources', [
  { kind: 'ffmpeg', name: 'door', input: 'rtsp://a:b@c/d', trigger: { interval: '10 s' } },
  { kind: 'directory', path: '/srv' },
]);

test('only what is changed is sent, and what is typed back to what it was is no change', () => {
  const [door, folder] = editRows(sources);
  expect(areChanged([door!, folder!], sources)).toBe(false);
  const renamed = withValue(door!, 'name', 'gate');
  expect(textOf(renamed, 'name')).toBe('gate');
  expect(changesOf([renamed, folder!])).toEqual([
    { from: 0, set: { name: 'gate' } },
    { from: 1, set: {} },
  ]);
  expect(areChanged([withValue(renamed, 'name', 'door'), folder!], sources)).toBe(false);
  expect(areChanged([folder!], sources)).toBe(true);
  expect(areChanged([folder!, door!], sources)).toBe(true);
});

test('what is not shown is kept, unless it is typed anew or taken out', () => {
  const [door] = editRows(sources);
  expect(textOf(door!, 'input')).toBeUndefined();
  expect(changesOf([door!])[0]!.set).toEqual({});
  const emptied = withValue(door!, 'input', '');
  expect(changesOf([emptied])[0]!.set).toEqual({ input: '' });
  expect(withoutChange(emptied, 'input').set).toEqual({});
});

test('what has to be set and what is set comes first; fields of a group once it is on', () => {
  const [door] = editRows(sources);
  const fields = fieldsOf(sources, door!.row, 'sources');
  const paths = (edit: typeof door) => {
    const { main, more } = shownFields(fields, edit!);
    return { main: main.map((f) => f.path), more: more.map((f) => f.path) };
  };
  expect(paths(door).main).toEqual(['input', 'name', 'trigger.interval']);
  expect(paths(door).more).toContain('trigger.motion');
  expect(paths(door).more).not.toContain('trigger.motion.area');
  expect(paths(door).more).not.toContain('trigger');
  const moving = withValue(door!, 'trigger.motion', 'true');
  expect(paths(moving).more).toContain('trigger.motion.area');
  // A field stays where it is while it is typed in.
  expect(paths(withValue(door!, 'task', 'goods')).main).toEqual(paths(door).main);
  const added = newRow('directory', 1);
  const own = fieldsOf(sources, added.row, 'sources');
  expect(shownFields(own, added).main.map((f) => f.path)).toEqual(['path']);
  expect(changesOf([withValue(added, 'path', '/in')])).toEqual([
    { from: null, kind: 'directory', set: { path: '/in' } },
  ]);
});

test('rows of a record have a name, and a title tells rows apart', () => {
  const tasks = listOf('tasks', { goods: { epochs: 3 } });
  const [goods] = editRows(tasks);
  expect(fieldsOf(tasks, goods!.row, 'tasks')[0]).toMatchObject({ path: '<name>', required: true });
  expect(titleOf(goods!)).toBe('goods');
  expect(editRows(sources).map(titleOf)).toEqual(['door', '/srv']);
});

test('what is wrong is told at its field, else at its row', () => {
  const fields = fieldsOf(sources, sources.rows[0]!, 'sources');
  const problems = [
    { key: 'sources.0.options.1', message: 'is 7; expected text' },
    { key: 'sources.0.nothing', message: 'is not a setting' },
    { key: 'sources.1.path', message: 'is nothing' },
    { key: 'http.token', message: 'is needed' },
  ];
  expect([...problemsOf(problems, 'sources', '0', fields)]).toEqual([
    ['options', 'is 7; expected text'],
    [null, 'nothing: is not a setting'],
  ]);
});
