import type { ListField, ListRow, ListView, RowChange } from '../../../settings-api.js';

/** A row as it is being edited. */
export interface EditRow {
  /** Of this row for as long as it is edited. */
  id: string;
  /** Which row of the file it is; null for a new one. */
  from: number | null;
  /** As it is in the file. */
  row: ListRow;
  /** What is changed in it, by path. */
  set: Record<string, string>;
}

/** Something wrong with a setting, as the device says it. */
export interface Problem {
  key: string;
  message: string;
}

/** The name of a row of a record. */
export const NAME = '<name>';

export function editRows({ rows }: ListView): EditRow[] {
  return rows.map((row, from) => ({ id: `row-${from}`, from, row, set: {} }));
}

export function newRow(kind: string | null, number: number): EditRow {
  return { id: `new-${number}`, from: null, row: { kind, values: {}, hidden: [] }, set: {} };
}

/** A field's text as it stands; undefined where it is not set, or not shown. */
export function textOf({ row, set }: EditRow, path: string): string | undefined {
  return set[path] ?? row.values[path];
}

/** Whether something is set that is not shown. */
export const isHidden = ({ row, set }: EditRow, path: string) =>
  row.hidden.includes(path) && set[path] === undefined;

/** A row with one field changed; what is as it was in the file is not counted as changed. */
export function withValue(edit: EditRow, path: string, value: string): EditRow {
  const { [path]: _, ...others } = edit.set;
  const before = edit.row.hidden.includes(path) ? undefined : (edit.row.values[path] ?? '');
  return { ...edit, set: value === before ? others : { ...others, [path]: value } };
}

/** A hidden value is kept again: whatever was typed in its place is forgotten. */
export function withoutChange(edit: EditRow, path: string): EditRow {
  const { [path]: _, ...set } = edit.set;
  return { ...edit, set };
}

export function changesOf(edits: readonly EditRow[]): RowChange[] {
  return edits.map(({ from, row, set }) => ({ from, set, ...(from === null && { kind: row.kind }) }));
}

/** Whether rows differ from what is in the file. */
export function areChanged(edits: readonly EditRow[], { rows }: ListView): boolean {
  return (
    edits.length !== rows.length ||
    edits.some(({ from, set }, i) => from !== i || Object.keys(set).length > 0)
  );
}

/** The fields of a row's kind, those of a record's members with their name first. */
export function fieldsOf({ kinds, named }: ListView, { kind }: ListRow, key: string): ListField[] {
  const fields = kinds.find((k) => k.kind === kind)?.fields ?? [];
  const name = {
    path: NAME,
    key: `${key}.${NAME}`,
    description: '',
    allowed: [],
    default: '',
    secret: false,
  };
  return named ? [{ ...name, kind: 'text', required: true }, ...fields] : fields;
}

/** The groups around a field that have to be switched on for it, the outermost first. */
function switchesOf(fields: readonly ListField[], path: string): ListField[] {
  return fields.filter((f) => f.kind === 'group' && !f.required && path.startsWith(`${f.path}.`));
}

/**
 * The fields that are shown: those that have to be set or are set in the file, and all others. Where a field is shown does
 * not change while it is typed in.
 */
export function shownFields(
  fields: readonly ListField[],
  edit: EditRow,
): { main: ListField[]; more: ListField[] } {
  const inFile = (path: string) => path in edit.row.values || edit.row.hidden.includes(path);
  const main: ListField[] = [];
  const more: ListField[] = [];
  for (const field of fields) {
    // A group that is always there is only the beginning of its fields' names.
    if (field.kind === 'group' && field.required) continue;
    const switches = switchesOf(fields, field.path);
    if (!switches.every((s) => textOf(edit, s.path) === 'true')) continue;
    const { path, required } = switches[0] ?? field;
    (required || inFile(path) ? main : more).push(field);
  }
  return { main, more };
}

/** What tells a row from others, as far as it can be shown. */
export function titleOf(edit: EditRow): string {
  const told = [NAME, 'name', '', 'url', 'topic', 'path', 'input', 'device', 'pipeline'];
  for (const path of told) {
    const value = textOf(edit, path);
    if (value) return value;
  }
  return '';
}

/** What is wrong with each field of a row, under its path; under none, what is wrong with the row itself. */
export function problemsOf(
  problems: readonly Problem[],
  key: string,
  place: string,
  fields: readonly ListField[],
): Map<string | null, string> {
  const found = new Map<string | null, string>();
  const row = `${key}.${place}`;
  for (const problem of problems) {
    if (problem.key !== row && !problem.key.startsWith(`${row}.`)) continue;
    const path = problem.key.slice(row.length + 1);
    const field = fields
      .filter((f) => f.path === path || path.startsWith(`${f.path}.`))
      .sort((a, b) => b.path.length - a.path.length)[0];
    const at = field?.path ?? null;
    const message = field || path === '' ? problem.message : `${path}: ${problem.message}`;
    found.set(at, [found.get(at), message].filter(Boolean).join(' '));
  }
  return found;
}
