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
import { type Document, isCollection, parseDocument, stringify } from 'yaml';
import type { z } from 'zod';
import { loadConfig } from '../config/load.js';
import { isMember, type Setting, settingsOf } from '../config/schema-keys.js';
import { formatQuantity } from '../config/units.js';
import { LichenError, messageOf } from '../errors.js';
import type { SettingsView, SettingView } from './api.js';

/** Settings whose values are not shown. */
const SECRET = /password|secret|token/i;
/** A password within an address, such as a camera's. */
const WITHIN_ADDRESS = /(:\/\/[^/@\s]*:)[^/@\s]+@/g;

/** The device's settings, as its page shows and changes them: in the file that the agent was started with. */
export class SettingsFile {
  private readonly schema: z.ZodType;
  private readonly file: string | undefined;
  private readonly running: unknown;
  private readonly written = new Set<string>();

  /**
   * @param file undefined where the agent was started without one
   * @param running the settings that the agent runs by
   */
  constructor(schema: z.ZodType, file: string | undefined, running: unknown) {
    this.schema = schema;
    this.file = file;
    this.running = running;
  }

  view(): SettingsView {
    const document = this.document();
    return {
      file: this.file ?? null,
      readOnly: this.readOnly() ?? null,
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
    if (kindOf(setting) === 'other') {
      throw new LichenError('setting-not-here', `'${key}' is a list; change it in ${this.file ?? 'a file'}`);
    }
    const reason = this.readOnly();
    if (reason !== undefined) throw new LichenError('settings-read-only', reason);
    this.write(this.changed(key.split('.'), value === '' ? undefined : typed(value, setting)));
    this.written.add(key);
    return this.view();
  }

  /** The file's text with one setting changed, or taken out. */
  private changed(path: readonly string[], value: unknown): string {
    const document = this.document()!;
    try {
      const [broken] = document.errors;
      if (broken) throw broken;
      if (value !== undefined) {
        dropEmptyGroups(document, path);
        document.setIn(path, value);
      } else if (document.hasIn(path)) document.deleteIn(path);
      return document.toString();
    } catch (error) {
      throw new LichenError(
        'config-invalid',
        `${this.file} cannot be changed as it is now: ${messageOf(error)}; mend it there first`,
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
      if (error instanceof LichenError) {
        throw new LichenError(error.code, error.message.replaceAll(draft, this.file!));
      }
      throw new LichenError('settings-read-only', `${this.file} cannot be written: ${messageOf(error)}`);
    }
  }

  private readOnly(): string | undefined {
    if (this.file === undefined) {
      return 'The agent was started without a file of settings (--config); they cannot be changed here.';
    }
    try {
      accessSync(this.file, constants.W_OK);
      // A new file takes the place of the old one, so that it is never half written.
      accessSync(dirname(this.file), constants.W_OK);
      return undefined;
    } catch {
      return `The agent may not write ${this.file}; change it there, or give its user the right to.`;
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
    return settingsOf(this.schema).filter((s) => !s.group && !isMember(s.key));
  }

  private settingView(setting: Setting, document: Document | undefined): SettingView {
    const { key, description, allowed } = setting;
    const path = key.split('.');
    const kind = kindOf(setting);
    const inFile = document?.hasIn(path) === true;
    const value = this.written.has(key)
      ? inFile
        ? document.getIn(path)
        : setting.default
      : path.reduce<unknown>(
          (part, name) => (part as Record<string, unknown> | undefined)?.[name],
          this.running,
        );
    const text = written(kind === 'other' ? withoutSecrets(value) : value, setting);
    // What is shown can be sent back as it is, and must not lose a password then.
    const secret = SECRET.test(key) || (kind !== 'other' && withoutPasswords(text) !== text);
    return {
      ...{ key, description, kind, secret },
      allowed: allowed.map(String),
      value: secret ? '' : withoutPasswords(text),
      default: secret ? '' : written(setting.default, setting),
      changed: inFile,
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

const withoutPasswords = (text: string): string => text.replace(WITHIN_ADDRESS, '$1...@');

function kindOf({ types, allowed }: Setting): SettingView['kind'] {
  if (types.includes('array') || types.includes('object')) return 'other';
  if (types.length === 1 && types[0] === 'boolean') return 'switch';
  if (allowed.length > 1) return 'choice';
  return types.every((t) => t === 'number' || t === 'integer') ? 'number' : 'text';
}

function typed(value: string, setting: Setting): unknown {
  const kind = kindOf(setting);
  if (kind === 'switch' && ['true', 'false'].includes(value)) return value === 'true';
  if (kind === 'number' && value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
  const choice = setting.allowed.find((a) => String(a) === value);
  return choice ?? value;
}

function written(value: unknown, { unit }: Setting): string {
  if (value === undefined || value === null) return '';
  if (unit && typeof value === 'number') return formatQuantity(value, unit);
  return typeof value === 'object' ? stringify(value).trim() : String(value);
}

function withoutSecrets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, SECRET.test(name) ? '...' : withoutSecrets(inner)]),
  );
}
