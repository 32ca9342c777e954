import {
  accessSync,
  chmodSync,
  constants,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Document, isCollection, isNode, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigInvalid, loadConfig } from '../config/load.js';
import { isMember, type Setting, settingsOf } from '../config/schema-keys.js';
import { isSecret, withoutPasswords, withoutSecrets } from '../config/secrets.js';
import { LichenError, messageOf } from '../errors.js';
import { kindOf, typed, written } from './setting-values.js';
import type { ListBody, SettingsView, SettingView } from './settings-api.js';
import { SettingsList } from './settings-list.js';

/** The device's settings, as its page shows and changes them: in the file that the agent was started with. */
export class SettingsFile {
  private readonly schema: z.ZodType;
  private readonly all: readonly Setting[];
  private readonly file: string | undefined;
  private readonly running: unknown;
  private readonly written = new Set<string>();

  /**
   * @param file undefined where the agent was started without one
   * @param running the settings that the agent runs by
   */
  constructor(schema: z.ZodType, file: string | undefined, running: unknown) {
    this.schema = schema;
    this.all = settingsOf(schema);
    this.file = file;
    this.running = running;
  }

  view(): SettingsView {
    const document = this.document();
    return {
      file: this.file ?? null,
      readOnly: this.readOnly()?.why ?? null,
      stamp: this.stamp(),
      restartNeeded: this.written.size > 0,
      settings: this.settings().map((setting) => this.settingView(setting, document)),
    };
  }

  /**
   * Writes one setting; the rest of the file stays as it is, comments too. An empty value takes the setting out.
   * @throws LichenError `setting-unknown`, `setting-not-here`, `settings-read-only`, `config-invalid`
   */
  set(key: string, value: string): SettingsView {
    const setting = this.settings().find((s) => s.key === key);
    if (!setting) throw new LichenError('setting-unknown', `there is no setting '${key}'`);
    if (SettingsList.is(setting, this.all)) {
      throw new LichenError('setting-not-here', `'${key}' is a list; it is changed by its rows`);
    }
    this.requireWritable();
    const path = key.split('.');
    this.change(key, (document) => {
      if (value !== '') {
        dropEmptyGroups(document, path);
        document.setIn(path, typed(value, setting));
      } else if (document.hasIn(path)) document.deleteIn(path);
    });
    return this.view();
  }

  /**
   * Writes a list's rows; what a row does not say, secrets too, stays as it is in the file, and so do comments.
   * @throws LichenError as `set`, and `settings-changed` where the file is not the one that was shown
   */
  setList({ key, stamp, rows }: ListBody): SettingsView {
    const setting = this.settings().find((s) => s.key === key && SettingsList.is(s, this.all));
    if (!setting) throw new LichenError('setting-unknown', `there is no list of settings '${key}'`);
    this.requireWritable();
    if (stamp !== this.stamp()) {
      throw new LichenError('settings-changed', `${this.file} was changed meanwhile; load this page anew.`);
    }
    const path = key.split('.');
    this.change(key, (document) => {
      dropEmptyGroups(document, path);
      new SettingsList(setting, this.all).change(document, path, rows);
    });
    return this.view();
  }

  private requireWritable(): void {
    const refusal = this.readOnly();
    if (refusal) throw new LichenError('settings-read-only', refusal.message);
  }

  private change(key: string, edit: (document: Document) => void): void {
    this.write(this.edited(edit));
    this.written.add(key);
  }

  /** The file's text with something changed. */
  private edited(edit: (document: Document) => void): string {
    const document = this.document()!;
    try {
      const [broken] = document.errors;
      if (broken) throw broken;
      edit(document);
      return document.toString();
    } catch (error) {
      if (error instanceof LichenError) throw error;
      throw new LichenError(
        'config-invalid',
        `${this.file} cannot be changed as it is now: ${firstLine(error)}; mend it there first`,
      );
    }
  }

  private write(text: string): void {
    const draft = `${this.file}.new`;
    try {
      writeFileSync(draft, text, { mode: 0o600 });
      // Whoever could read the file still can.
      chmodSync(draft, statSync(this.file!).mode);
      // Another program's environment says nothing of what the file means.
      loadConfig(this.schema, draft, { env: {} });
      renameSync(draft, this.file!);
    } catch (error) {
      rmSync(draft, { force: true });
      if (error instanceof ConfigInvalid) {
        throw new ConfigInvalid(error.message.replaceAll(draft, this.file!), error.problems);
      }
      if (error instanceof LichenError) {
        throw new LichenError(error.code, firstLine(error).replaceAll(draft, this.file!));
      }
      throw new LichenError('settings-read-only', `${this.file} cannot be written: ${messageOf(error)}`);
    }
  }

  /** Changes whenever the file does. */
  private stamp(): string {
    if (this.file === undefined) return '';
    const found = statSync(this.file, { throwIfNoEntry: false });
    return found ? `${found.ino}-${found.mtimeMs}-${found.size}` : '';
  }

  private readOnly(): { why: NonNullable<SettingsView['readOnly']>; message: string } | undefined {
    if (this.file === undefined) {
      const message =
        'The agent was started without a file of settings (--config); they cannot be changed here.';
      return { why: 'no-file', message };
    }
    try {
      accessSync(this.file, constants.W_OK);
      // A new file takes the place of the old one, so that it is never half written.
      accessSync(dirname(this.file), constants.W_OK);
      return undefined;
    } catch {
      const message = `The agent may not write ${this.file}; change it there, or give its user the right to.`;
      return { why: 'not-writable', message };
    }
  }

  private document(): Document | undefined {
    if (this.file === undefined) return undefined;
    try {
      return parseDocument(readFileSync(this.file, 'utf8'));
    } catch {
      return undefined;
    }
  }

  private settings(): Setting[] {
    return this.all.filter((s) => !s.group && !isMember(s.key));
  }

  private settingView(setting: Setting, document: Document | undefined): SettingView {
    const { key, description, allowed } = setting;
    const path = key.split('.');
    const inFile = document?.hasIn(path) === true;
    const running = path.reduce<unknown>(
      (part, name) => (part as Record<string, unknown> | undefined)?.[name],
      this.running,
    );
    const common = { key, description, allowed: allowed.map(String), changed: inFile };
    if (SettingsList.is(setting, this.all)) {
      const value = document?.errors.length === 0 && inFile ? plain(document, path) : running;
      const fixed = !inFile && !this.written.has(key) && Object.keys((running ?? {}) as object).length > 0;
      return {
        ...{ ...common, kind: 'list', secret: false, default: '' },
        value: written(withoutSecrets(value), { ...setting, items: undefined }),
        list: new SettingsList(setting, this.all).view(value, fixed),
      };
    }
    const value = !this.written.has(key) ? running : inFile ? document.getIn(path) : setting.default;
    const text = written(value, setting);
    // What is shown can be sent back as it is, and must not lose a password then.
    const secret = isSecret(key) || withoutPasswords(text) !== text;
    return {
      ...{ ...common, kind: kindOf(setting) as SettingView['kind'], secret, list: null },
      value: secret ? '' : text,
      default: secret ? '' : written(setting.default, setting),
    };
  }
}

/** A group that nothing is written under is a scalar, which takes no setting. */
function dropEmptyGroups(document: Document, path: readonly string[]): void {
  for (let n = 1; n < path.length; n++) {
    const group = path.slice(0, n);
    if (document.hasIn(group) && !isCollection(document.getIn(group, true))) document.deleteIn(group);
  }
}

/** What went wrong; below the first line stands a part of the file, and maybe a secret. */
const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!.replace(/:$/, '');

/** What stands at a path, as plain values. */
function plain(document: Document, path: readonly string[]): unknown {
  const node = document.getIn(path, true);
  return isNode(node) ? node.toJS(document) : node;
}
