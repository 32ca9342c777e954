import { z } from 'zod';
import type { Settings } from '../store/settings.js';
import type { ServedKind } from './served.js';
import { servedPlace } from './served-place.js';
import { parseTopic, ROOT } from './topics.js';

/** What left the device, of one kind, to one place. */
export interface LedgerEntry {
  /** A kind of report of the MQTT contract, `will`, `picture`, `home-assistant`, `webhook`, or a `ServedKind`. */
  kind: string;
  /**
   * A topic, with `<task>`, `<verb>` or `<source>` for its last part, an address without user, password and query, or a
   * `ServedPlace`.
   */
  where: string;
  messages: number;
  /** Of payloads and bodies; topics, headers and what encryption adds are not counted. */
  bytes: number;
  /** When the last one left; milliseconds since 1970. */
  lastAt: number;
  /** When the first one left; milliseconds since 1970. */
  since: number;
}

const KEY = 'ledger';

const entrySchema = z.object({
  kind: z.string(),
  where: z.string(),
  messages: z.int().min(0),
  bytes: z.int().min(0),
  lastAt: z.int(),
  since: z.int(),
});
const savedSchema = z.object({ since: z.int(), entries: z.array(entrySchema) });

/**
 * The privacy ledger: counts every message that is handed to the network, by kind and place, over all starts of the
 * program. What is sent again counts again, for it left again. Counts are kept in memory and written by `save`, since
 * cards wear out: a crash or a power failure loses those since the last time.
 */
export class Ledger {
  /** Since when is counted; milliseconds since 1970. */
  readonly since: number;
  private readonly settings: Pick<Settings, 'get' | 'set'>;
  private readonly entries = new Map<string, LedgerEntry>();
  private changed = false;

  constructor(settings: Pick<Settings, 'get' | 'set'>) {
    this.settings = settings;
    const saved = settings.get(KEY);
    const { since, entries } =
      saved === undefined ? { since: Date.now(), entries: [] } : savedSchema.parse(JSON.parse(saved));
    this.since = since;
    for (const entry of entries) this.entries.set(keyOf(entry), entry);
    // From now on is counted, be it that nothing ever leaves.
    this.changed = saved === undefined;
  }

  /** Counts a message that leaves. */
  add(kind: string, where: string, bytes: number): void {
    const at = Date.now();
    const key = keyOf({ kind, where });
    const before = this.entries.get(key) ?? { kind, where, messages: 0, bytes: 0, lastAt: at, since: at };
    const { messages, since } = before;
    this.entries.set(key, {
      kind,
      where,
      messages: messages + 1,
      bytes: before.bytes + bytes,
      lastAt: at,
      since,
    });
    this.changed = true;
  }

  /** Counts a message that leaves by MQTT; what is not of the contract is Home Assistant's. */
  published(topic: string, bytes: number): void {
    const parsed = parseTopic(topic);
    if (!parsed) {
      this.add('home-assistant', topic, bytes);
      return;
    }
    const { kind, device } = parsed;
    // A fleet's or a stranger's names must not make the ledger grow without end.
    const leaf =
      'task' in parsed ? '/<task>' : 'verb' in parsed ? '/<verb>' : 'source' in parsed ? '/<source>' : '';
    this.add(kind, `${ROOT}/${device}/${kind}${leaf}`, bytes);
  }

  /**
   * Counts an answer of the device's own web server.
   * @param address of who asked; where it has gone already, nothing is known to have left
   */
  served(kind: ServedKind, address: string | undefined, bytes: number): void {
    if (address !== undefined && bytes > 0) this.add(kind, servedPlace(address), bytes);
  }

  /** All that left, by kind and place. */
  list(): LedgerEntry[] {
    return [...this.entries.values()].map((entry) => ({ ...entry }));
  }

  /** Writes what changed since it was written before. */
  save(): void {
    if (!this.changed) return;
    this.settings.set(KEY, JSON.stringify({ since: this.since, entries: this.list() }));
    this.changed = false;
  }
}

const keyOf = ({ kind, where }: Pick<LedgerEntry, 'kind' | 'where'>): string => `${kind} ${where}`;
