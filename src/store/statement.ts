import type Libsql from 'libsql';
import { LichenError } from '../errors.js';
import { storeError } from './store-error.js';

/** What a column can hold, as JavaScript sees it. */
export type SqlValue = null | number | bigint | string | Uint8Array;

/** What may be bound: positional values, or one object for `@name` parameters. */
export type SqlParameters = readonly SqlValue[] | readonly [Readonly<Record<string, SqlValue>>];

/** What a write did. */
export interface RunResult {
  changes: number;
  lastInsertRowid: number;
}

type NativeRow = Record<string, SqlValue | ArrayBuffer>;

/** The connection that a statement belongs to, as far as a statement needs it. */
export interface Connection {
  readonly file: string;
  requireOpen(): void;
}

/** One compiled SQL statement; parameters are checked before they reach native code. */
export class Statement<Row> {
  private readonly native: Libsql.Statement<unknown[]>;
  private readonly connection: Connection;

  constructor(native: Libsql.Statement<unknown[]>, connection: Connection) {
    this.native = native;
    this.connection = connection;
  }

  /** Runs a statement that returns no rows. */
  run(...parameters: SqlParameters): RunResult {
    const { changes, lastInsertRowid } = this.guarded(() => this.native.run(bindable(parameters)));
    return { changes, lastInsertRowid: Number(lastInsertRowid) };
  }

  /** The first row, or undefined. Blobs are Buffers. */
  get(...parameters: SqlParameters): Row | undefined {
    const row = this.guarded(() => this.native.get(bindable(parameters))) as NativeRow | undefined;
    return row && cleaned<Row>(row);
  }

  /** All rows. Blobs are Buffers. */
  all(...parameters: SqlParameters): Row[] {
    const rows = this.guarded(() => this.native.all(bindable(parameters))) as NativeRow[];
    return rows.map((row) => cleaned<Row>(row));
  }

  private guarded<Result>(call: () => Result): Result {
    this.connection.requireOpen();
    try {
      return call();
    } catch (error) {
      throw storeError(this.connection.file, error);
    }
  }
}

/** A row without libsql's timing, and with its blobs as Buffers: `all` gives bare ArrayBuffers. */
function cleaned<Row>(row: NativeRow): Row {
  delete row._metadata;
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof ArrayBuffer) row[name] = Buffer.from(value);
  }
  return row as Row;
}

/**
 * Parameters in the one form that is safe to hand to libsql: an array of plain values, or an object of them.
 *
 * @throws LichenError `store-bad-value` for booleans, undefined, NaN, dates and other things SQL cannot hold.
 */
export function bindable(parameters: SqlParameters): SqlValue[] | Record<string, SqlValue> {
  const [first] = parameters;
  if (parameters.length === 1 && isNamed(first)) {
    return Object.fromEntries(Object.entries(first).map(([name, value]) => [name, plain(value, name)]));
  }
  return parameters.map((value, position) => plain(value, `number ${position + 1}`));
}

function isNamed(value: unknown): value is Readonly<Record<string, SqlValue>> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
}

function plain(value: unknown, name: string): SqlValue {
  // As bigint: libsql would bind a whole number as REAL, which a column without a type would keep.
  if (Number.isSafeInteger(value)) return BigInt(value as number);
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (value === null || typeof value === 'string' || typeof value === 'bigint') return value;
  if (value instanceof Uint8Array) return value;
  throw new LichenError(
    'store-bad-value',
    `SQL parameter ${name} is ${describe(value)}; expected a finite number, a string, a Uint8Array or null.`,
  );
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `a ${value.constructor?.name ?? 'bare object'}`;
  return `the ${typeof value} ${String(value)}`;
}
