import { readFileSync, statSync } from 'node:fs';
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { LichenError, messageOf } from '../errors.js';
import { isMember, settingsOf, type Variant } from './schema-keys.js';
import { isSecret, withoutSecrets } from './secrets.js';

/** Larger files are not settings that a person wrote. */
const MAX_BYTES = 2 ** 20;

/** Where a value came from, for error messages. */
type Place = (path: readonly PropertyKey[]) => string;

/**
 * Reads settings from a YAML file, lays LICHEN_* environment variables over them, and checks them by a schema.
 * `LICHEN_MQTT_URL` sets `mqtt.url`; only keys of the schema are read so.
 * @param file undefined for the schema's defaults
 * @throws LichenError `config-unreadable` or `config-invalid`, naming every wrong key with its line, its value
 *   and what is allowed
 */
export function loadConfig<T>(
  schema: z.ZodType<T>,
  file: string | undefined,
  options: { env?: NodeJS.ProcessEnv; overrides?: Record<string, unknown> } = {},
): T {
  const { value, place } = file === undefined ? { value: {}, place: () => 'the defaults' } : readYaml(file);
  const fromEnv = new Map<string, string>();
  dropEmptyGroups(schema, value);
  overlayEnvironment(schema, value, options.env ?? process.env, fromEnv);
  for (const [key, v] of Object.entries(options.overrides ?? {})) setIn(value, key.split('.'), v);
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.flatMap((issue) => explain(issue, schema, value));
  const name = file ?? 'the settings';
  const lines = problems.map(({ path, message }) => {
    const where = fromEnv.get(path.join('.')) ?? place(path);
    return `  ${where}: '${path.join('.') || '(all)'}' ${message}`;
  });
  throw new ConfigInvalid(
    `${name}: ${problems.length === 1 ? 'one setting is' : `${problems.length} settings are`} wrong.\n` +
      `${lines.join('\n')}\nEvery setting is described by '--print-config'.`,
    problems.map(({ path, message }) => ({ key: path.join('.'), message })),
  );
}

/** A setting that is wrong: its path with dots, list's members by their place, and what is wrong with it. */
export interface Problem {
  key: string;
  message: string;
}

/** Settings that do not fit their schema; `config-invalid`. */
export class ConfigInvalid extends LichenError {
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[]) {
    super('config-invalid', message);
    this.problems = problems;
  }
}

function readYaml(file: string): { value: Record<string, unknown>; place: Place } {
  let text: string;
  try {
    const { size } = statSync(file);
    if (size > MAX_BYTES) throw new Error(`it has ${size} bytes; settings have at most ${MAX_BYTES}`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new LichenError('config-unreadable', `cannot read the settings in ${file}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const invalid = (why: string) => new LichenError('config-invalid', `${file} is not valid YAML: ${why}`);
  const broken = document.errors[0];
  if (broken) throw invalid(broken.message);
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases that multiply, or that refer to nothing.
    throw invalid(messageOf(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new LichenError(
      'config-invalid',
      `${file}: expected settings as 'key: value' lines, got ${typeName(value)}`,
    );
  }
  const place: Place = (path) => {
    for (let n = path.length; n > 0; n--) {
      const parent: unknown = n === 1 ? document.contents : document.getIn(path.slice(0, n - 1), true);
      const last = path[n - 1];
      const node = isMap(parent)
        ? parent.items.find((item) => isScalar(item.key) && item.key.value === last)?.key
        : isSeq(parent)
          ? parent.items[Number(last)]
          : undefined;
      if (isNode(node) && node.range) return `line ${lines.linePos(node.range[0]).line}`;
    }
    return 'the file';
  };
  return { value: value as Record<string, unknown>, place };
}

/** A group whose settings are all left out, as in what `--print-config` prints, is as if it were not there. */
function dropEmptyGroups(schema: z.ZodType, value: Record<string, unknown>): void {
  for (const { key, group } of settingsOf(schema)) {
    if (!group || isMember(key)) continue;
    const path = key.split('.');
    const parent = path
      .slice(0, -1)
      .reduce<unknown>((v, k) => (v as Record<string, unknown> | undefined)?.[k], value);
    const name = path.at(-1)!;
    const object = parent as Record<string, unknown> | undefined;
    if (object?.[name] === null) delete object[name];
  }
}

/** Sets what LICHEN_* variables name: words joined by underscores, matched to the schema's keys. */
function overlayEnvironment(
  schema: z.ZodType,
  value: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  places: Map<string, string>,
): void {
  for (const { key, types, group } of settingsOf(schema)) {
    const name = `LICHEN_${envName(key)}`;
    const text = env[name];
    if (group || isMember(key) || text === undefined) continue;
    setIn(value, key.split('.'), typed(text, types));
    places.set(key, `environment ${name}`);
  }
}

/** The text of a variable as the type that the setting wants; a text that does not fit stays one, and is refused. */
function typed(text: string, types: readonly string[]): unknown {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (types.some((t) => t === 'number' || t === 'integer') && Number.isFinite(number)) return number;
  if (types.includes('boolean') && (text === 'true' || text === 'false')) return text === 'true';
  return text;
}

const envName = (key: string) =>
  key
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase();

function setIn(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const inner = target[head];
  const object = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {};
  target[head] = object;
  setIn(object, rest, value);
}

function explain(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
): { path: PropertyKey[]; message: string }[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const path = [...issue.path, key];
      const siblings = siblingsOf(schema, issue.path, at(value, issue.path));
      const near = nearest(key, siblings);
      const hint = near ? `did you mean '${near}'?` : `known here: ${siblings.join(', ')}`;
      return { path, message: `is not a setting; ${hint}` };
    });
  }
  const found = at(value, issue.path);
  const name = issue.path.join('.');
  const got = isSecret(name) ? 'a value that is not shown' : shown(withoutSecrets(found));
  return [{ path: issue.path, message: `is ${got}; ${expectation(issue)}` }];
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}

/** What was expected. zod keeps the choices of a union, and what is wrong with a key, in inner issues. */
function expectation(issue: z.core.$ZodIssue): string {
  const inner =
    issue.code === 'invalid_union' ? issue.errors.flat() : issue.code === 'invalid_key' ? issue.issues : [];
  const messages = new Set(inner.map((i) => expectation(i).replace(/^Invalid input: /, '')));
  // A schema's own message for a whole union says it better than the parts' do.
  const own = issue.code === 'invalid_union' && issue.message !== 'Invalid input';
  return own || messages.size === 0 ? issue.message : [...messages].join(', or ');
}

/** What stands at a path; undefined where there is none. */
function at(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (v, key) => (typeof v === 'object' && v !== null ? (v as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  );
}

/** @param found the object that they are of; it tells which of several kinds it is */
function siblingsOf(schema: z.ZodType, path: readonly PropertyKey[], found: unknown): string[] {
  // A list's members are known as [], a record's as <name>.
  const fits = (key: string[]) =>
    key.length === path.length + 1 &&
    path.every((p, i) => key[i] === p || (typeof p === 'number' ? key[i] === '[]' : key[i] === '<name>'));
  const keys = settingsOf(schema)
    .filter(({ variant }) => variant === undefined || isOf(found, path, variant))
    .map((s) => s.key.split('.'));
  return [...new Set(keys.filter(fits).map((key) => key.at(-1)!))];
}

/** Whether a list's member, or something in it, is of a kind; what lies deeper is counted to every kind. */
function isOf(found: unknown, path: readonly PropertyKey[], { key, value }: Variant): boolean {
  return typeof path.at(-1) !== 'number' || at(found, [key]) === value;
}

/** The known word that is fewest edits away, if it is near at all. */
function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known.map((k) => ({ k, d: distance(word.toLowerCase(), k.toLowerCase()) }));
  ranked.sort((a, b) => a.d - b.d);
  const best = ranked[0];
  return best && best.d <= Math.max(2, Math.floor(word.length / 3)) ? best.k : undefined;
}

/** Levenshtein's edit distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}

function typeName(value: unknown): string {
  return Array.isArray(value) ? 'a list' : value === null ? 'nothing' : typeof value;
}
