import {
  type Document,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  type Pair,
  type Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { Setting } from '../config/schema-keys.js';
import { isSecret, withoutPasswords } from '../config/secrets.js';
import { LichenError } from '../errors.js';
import { openGroups, ownNode } from './own-node.js';
import { kindOf, typed, written } from './setting-values.js';
import type { ListField, ListRow, ListView, RowChange } from './settings-api.js';

/** Where a record keeps what its member is called. */
const NAME = '<name>';
/** Of a list of plain values, the one field of a row. */
const VALUE = '';

/** What the rows of one kind of member are made of. */
interface Kind {
  /** The value of the setting that tells the kind; undefined where all are of one. */
  value: string | undefined;
  fields: { path: string; setting: Setting }[];
}

/**
 * A setting that holds several: a list of plain values or of objects, or a record of objects. It is edited by rows, and a
 * row says only what is changed in it: so what is not shown of it stays, and so do comments.
 */
export class SettingsList {
  readonly setting: Setting;
  private readonly kinds: readonly Kind[];
  private readonly teller: string | undefined;

  /** @param all every setting of the schema */
  constructor(setting: Setting, all: readonly Setting[]) {
    this.setting = setting;
    const own = all.filter(({ key }) =>
      [`${setting.key}.[].`, `${setting.key}.${NAME}.`].some((p) => key.startsWith(p)),
    );
    this.teller = own.find(({ variant }) => variant)?.variant?.key;
    const variants = new Set(own.map(({ variant }) => variant && String(variant.value)));
    this.kinds = setting.items
      ? [{ value: undefined, fields: [{ path: VALUE, setting: plainOf(setting) }] }]
      : [...variants].map((value) => ({
          value,
          fields: own
            .filter(({ variant }) => (variant && String(variant.value)) === value)
            .map((s) => ({ path: s.key.slice(setting.key.length).split('.').slice(2).join('.'), setting: s }))
            .filter(({ path }) => path !== this.teller),
        }));
  }

  /** Whether a setting is one. */
  static is({ key, items, types }: Setting, all: readonly Setting[]): boolean {
    return (
      items !== undefined ||
      all.some((s) => s.key.startsWith(`${key}.[].`) || s.key.startsWith(`${key}.${NAME}.`)) ||
      types.includes('array')
    );
  }

  /** @param value of the setting, as its file has it. @param fixed whether it stands elsewhere */
  view(value: unknown, fixed: boolean): ListView {
    const members: [string | undefined, unknown][] = Array.isArray(value)
      ? value.map((member) => [undefined, member])
      : Object.entries((value ?? {}) as object);
    return {
      fixed,
      named: this.named,
      kinds: this.kinds.map(({ value: kind, fields }) => ({
        kind: kind ?? null,
        fields: fields.map(({ path, setting }) => fieldView(path, setting)),
      })),
      rows: members.map(([name, member]) => this.row(name, member)),
    };
  }

  /**
   * Changes the list within a document; nothing is checked yet.
   * @throws LichenError `settings-changed` where a row is not there any more, `setting-unknown`, `request-invalid` where
   * a row stands twice
   */
  change(document: Document, path: readonly string[], rows: readonly RowChange[]): void {
    const list = this.node(document, path);
    const before = list.items.map((item) => ownNode(document, item));
    const named = rows.flatMap(({ from }) => from ?? []);
    const twice = named.find((from, i) => named.indexOf(from) < i);
    if (twice !== undefined) {
      throw new LichenError('request-invalid', `rows: row ${twice} stands there twice; expected it once`);
    }
    const [first] = before;
    // A comment above the first row counts as the list's, and would stay when the row is moved.
    if (list.commentBefore && isNode(first) && !first.commentBefore) {
      first.commentBefore = list.commentBefore;
      list.commentBefore = undefined;
    }
    list.items = rows.map(({ from, kind, set }) => {
      const item = from === null ? this.newItem(document, kind) : before[from];
      if (item === undefined) {
        throw new LichenError(
          'settings-changed',
          'The settings were changed meanwhile; load this page anew.',
        );
      }
      return this.changed(document, item, kind ?? this.kindOfItem(item), set);
    }) as typeof list.items;
    // Rows of a list that was written within brackets become lines; an empty one needs them.
    list.flow = list.items.length === 0 || (this.setting.items !== undefined && list.flow === true);
  }

  private get named(): boolean {
    return this.setting.types.includes('object');
  }

  private row(name: string | undefined, member: unknown): ListRow {
    const kind =
      this.teller === undefined
        ? undefined
        : String((member as Record<string, unknown> | null)?.[this.teller]);
    const values: Record<string, string> = name === undefined ? {} : { [NAME]: name };
    const hidden: string[] = [];
    for (const { path, setting } of this.fieldsOf(kind)) {
      const value = path === VALUE ? member : at(member, path.split('.'));
      if (value === undefined || (value === null && !setting.group)) continue;
      const text = setting.group ? 'true' : written(value, setting);
      // What is shown is sent back when it is changed, and a password must not be lost or seen then.
      if (isSecret(path) || withoutPasswords(text) !== text) hidden.push(path);
      else values[path] = text;
    }
    return { kind: kind ?? null, values, hidden };
  }

  private fieldsOf(kind: string | null | undefined): Kind['fields'] {
    return (this.kinds.find(({ value }) => value === (kind ?? undefined)) ?? { fields: [] }).fields;
  }

  private node(document: Document, path: readonly string[]): YAMLSeq | YAMLMap {
    const found = document.getIn(path, true);
    const own = ownNode(document, found);
    if (own !== found) document.setIn(path, own);
    if (this.named ? isMap(own) : isSeq(own)) return own as YAMLSeq | YAMLMap;
    const made = document.createNode(this.named ? {} : []) as YAMLSeq | YAMLMap;
    document.setIn(path, made);
    return made;
  }

  private newItem(document: Document, kind: string | null | undefined): unknown {
    if (this.setting.items) return document.createNode('');
    const member = document.createNode(kind && this.teller ? { [this.teller]: kind } : {});
    return this.named ? document.createPair('', member) : member;
  }

  private kindOfItem(item: unknown): string | undefined {
    return this.teller !== undefined && isMap(item) ? String(item.get(this.teller)) : undefined;
  }

  private changed(
    document: Document,
    item: unknown,
    kind: string | null | undefined,
    set: RowChange['set'],
  ): unknown {
    const fields = this.fieldsOf(kind);
    for (const [path, text] of Object.entries(set)) {
      if (path === NAME && isPair(item)) {
        rename(document, item as Pair, text);
        continue;
      }
      const field = fields.find((f) => f.path === path);
      if (!field)
        throw new LichenError('setting-unknown', `there is no setting '${this.setting.key}' ... '${path}'`);
      if (path === VALUE) {
        (item as Scalar).value = typed(text, field.setting);
        continue;
      }
      const member = memberOf(document, item);
      if (field.setting.group) switchGroup(document, member, path.split('.'), text === 'true');
      else setField(document, member, path.split('.'), text === '' ? undefined : typed(text, field.setting));
    }
    return item;
  }
}

/** A member of a list of plain values, as a setting of its own. */
const plainOf = (setting: Setting): Setting => ({
  ...setting,
  ...setting.items!,
  ...{ items: undefined, default: undefined, required: true, free: setting.items!.allowed.length === 0 },
});

function fieldView(path: string, setting: Setting): ListField {
  const { key, description, allowed, items, required, group } = setting;
  const secret = isSecret(path);
  return {
    ...{ path, key, description, secret },
    kind: kindOf(setting),
    allowed: (items ?? { allowed }).allowed.map(String),
    // A group that is there by itself needs no switch.
    required: required || (group && setting.default !== undefined),
    default: secret || group ? '' : written(setting.default, setting),
  };
}

/** What is to be changed: the object of a list's member, or of a record's, which may have been left empty. */
function memberOf(document: Document, item: unknown): YAMLMap {
  if (!isPair(item)) return item as YAMLMap;
  const pair = item as Pair;
  pair.value = ownNode(document, pair.value);
  if (!isMap(pair.value)) pair.value = document.createNode({});
  return pair.value as YAMLMap;
}

function rename(document: Document, pair: Pair, name: string): void {
  if (isScalar(pair.key)) pair.key.value = name;
  else pair.key = document.createNode(name);
}

/** Sets a field, and takes groups away that nothing is left in. */
function setField(document: Document, member: YAMLMap, path: readonly string[], value: unknown): void {
  if (value === undefined) {
    member.deleteIn(path);
    return;
  }
  openGroups(document, member, path.slice(0, -1));
  const found = member.getIn(path, true);
  // A comment at its end stays with a value that takes the place of another one.
  if (isScalar(found) && typeof value !== 'object') {
    if (typeof found.value !== typeof value) found.type = undefined;
    found.format = undefined;
    found.value = value;
  } else member.setIn(path, document.createNode(value));
}

function switchGroup(document: Document, member: YAMLMap, path: readonly string[], on: boolean): void {
  if (on) openGroups(document, member, path);
  else member.deleteIn(path);
}

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (part, name) =>
      typeof part === 'object' && part !== null ? (part as Record<string, unknown>)[name] : undefined,
    value,
  );
