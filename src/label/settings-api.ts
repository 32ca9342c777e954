/**
 * What the page and its server say to each other of settings: types only, read by both sides; as api.ts is for the rest.
 */

/** GET /api/settings */
export interface SettingsView {
  /** Where they are written; null where the agent was started without a file. */
  file: string | null;
  /** Why they cannot be written here; null where they can. */
  readOnly: 'no-file' | 'file-gone' | 'not-writable' | null;
  /** Of the file as it was read; sent back with a list's changes. */
  stamp: string;
  /** Whether something was written that this run of the agent does not know yet. */
  restartNeeded: boolean;
  settings: SettingView[];
}

export interface SettingView {
  /** Such as `replay.cap`. */
  key: string;
  description: string;
  kind: 'text' | 'number' | 'switch' | 'choice' | 'list';
  allowed: string[];
  /** Of a list: its rows, and what they are made of. */
  list: ListView | null;
  /** As they are written in the file; secrets are not shown. */
  value: string;
  default: string;
  secret: boolean;
  changed: boolean;
}

/** A setting that holds several. */
export interface ListView {
  /** Whether it stands elsewhere than in the file, and cannot be changed here. */
  fixed: boolean;
  /** Whether each row has a name, the field `<name>`. */
  named: boolean;
  /** What a row can be; one entry with the kind null where all are of one. */
  kinds: { kind: string | null; fields: ListField[] }[];
  rows: ListRow[];
}

export interface ListField {
  /** Within the row, such as `region.x`; empty where the row is a plain value. */
  path: string;
  /** Of the setting, such as `sources.[].region.x`. */
  key: string;
  description: string;
  /** `group`: fields below it belong to it, and count where it is switched on. `values`, `choices`: several, a line each. */
  kind: 'text' | 'number' | 'switch' | 'choice' | 'values' | 'choices' | 'record' | 'group';
  allowed: string[];
  required: boolean;
  default: string;
  secret: boolean;
}

export interface ListRow {
  kind: string | null;
  /** What is set, by path, as it is written in the file. */
  values: Record<string, string>;
  /** Paths of what is set and not shown. */
  hidden: string[];
}

/** A row as it shall be. */
export interface RowChange {
  /** Which row it was; null for a new one. */
  from: number | null;
  /** Of a new row, where there are several kinds. */
  kind?: string | null;
  /** What is changed in it, by path; an empty text takes it out. A group is `true` or `false`. */
  set: Record<string, string>;
}

/**
 * PUT /api/settings/list: all rows of one, in their order; a row that is not named is taken out. Answered with
 * SettingsView.
 */
export interface ListBody {
  key: string;
  stamp: string;
  rows: RowChange[];
}

/** PUT /api/settings: one setting; an empty value goes back to the default. Answered with SettingsView. */
export interface SettingBody {
  key: string;
  value: string;
}
