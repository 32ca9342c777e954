import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type Document, isNode, parseDocument } from 'yaml';
import type { z } from 'zod';
import { ConfigInvalid, loadConfig } from '../config/load.js';
import { isMember, type Setting, settingsOf } from '../config/schema-keys.js';
import { isSecret, withoutPasswords, withoutSecrets } from '../config/secrets.js';
import { LichenError, messageOf } from '../errors.js';
import { openGroups } from './own-node.js';
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
   * @throws LichenError `setting-unknown`, `setting-not-here`, `settings-read-only`, `settings-not-kept`, `config-invalid`
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
        openGroups(document, document, path.slice(0, -1));
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
      openGroups(document, document, path.slice(0, -1));
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
    const document = this.document();
    if (!document) {
      throw new LichenError(
        'settings-read-only',
        `${this.file} cannot be read; expected a file of settings that the agent's user may read`,
      );
    }
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
    let draft = `${this.file}.new`;
    try {
      // A link to the file stays one.
      const target = realpathSync(this.file!);
      draft = `${target}.new`;
      // Flushed before it takes the file's place: a power failure leaves the one or the other.
      writeFileSync(draft, text, { mode: 0o600, flush: true });
      // Whoever could read the file still can.
      chmodSync(draft, statSync(target).mode);
      // Another program's environment says nothing of what the file means.
      loadConfig(this.schema, draft, { env: {} });
      renameSync(draft, target);
    } catch (error) {
      rmSync(draft, { force: true });
      if (error instanceof ConfigInvalid) {
        throw new ConfigInvalid(error.message.replaceAll(draft, this.file!), error.problems);
      }
      if (error instanceof LichenError) {
        throw new LichenError(error.code, firstLine(error).replaceAll(draft, this.file!));
      }
      throw new LichenError(
        'settings-not-kept',
        `${this.file} cannot be written: ${messageOf(error)}; it is as it was before`,
      );
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
    if (!existsSync(this.file)) {
      const message = `${this.file} is not there any more; put it back, or start the agent with another one.`;
      return { why: 'file-gone', message };
    }
    try {
      accessSync(this.file, constants.W_OK);
      // A new file takes the place of the old one, so that it is never half written.
      accessSync(dirname(realpathSync(this.file)), constants.W_OK);
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
      const value = (document?.errors.length === 0 && inFile ? plain(document, path) : undefined) ?? running;
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

/** What went wrong; below the first line stands a part of the file, and maybe a secret. */
const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!.replace(/:$/, '');

/** What stands at a path, as plain values; undefined where aliases refer to nothing, or multiply. */
function plain(document: Document, path: readonly string[]): unknown {
  const node = document.getIn(path, true);
  try {
    return isNode(node) ? node.toJS(document) : node;
  } catch {
    return undefined;
  }
}
