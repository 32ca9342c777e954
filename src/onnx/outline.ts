import { readSync } from 'node:fs';
import { messages } from './proto.js';

const GRAPH = messages.ModelProto.graph[1];
/** As many fields as are looked at; what comes after is left to the decoder. */
const MOST_FIELDS = 2 ** 20;
const WINDOW = 4096;

/**
 * Looks at the tags and lengths of a model's outer fields in an open file, those of the graph among them, and not at what they
 * hold: enough to know a file that is something else, or was cut off, without reading its gigabytes.
 * @param size of the file
 * @throws Error for what is no model, as decoding would
 */
export function checkOutline(file: number, size: number): void {
  const outline = new Outline(file);
  let graph = false;
  outline.fields(0, size, (id, from, to) => {
    if (id !== GRAPH || from === undefined) return;
    graph = true;
    outline.fields(from, to, () => {});
  });
  if (!graph) throw new Error('it has no graph');
}

class Outline {
  private readonly file: number;
  private readonly window = new Uint8Array(WINDOW);
  /** Where in the file the window begins, and how much of it is filled. */
  private begin = 0;
  private filled = 0;
  private at = 0;
  private seen = 0;

  constructor(file: number) {
    this.file = file;
  }

  /**
   * Every field between two places of the file.
   * @param field is given a field's number and, where it is a span of bytes, from where to where that goes
   */
  fields(
    start: number,
    end: number,
    field: (id: number, from: number | undefined, to: number) => void,
  ): void {
    for (let from = start; from < end && this.seen++ < MOST_FIELDS; from = this.at) {
      this.at = from;
      const tag = this.number(end);
      const [id, wire] = [Math.floor(tag / 8), tag % 8];
      if (id === 0) throw new Error(`byte ${from} has a field of number 0`);
      if (wire === 0) this.number(end);
      else if (wire === 1 || wire === 5) this.at += wire === 1 ? 8 : 4;
      else if (wire === 2) {
        const length = this.number(end);
        const inside = this.at;
        if (length > end - inside) {
          throw new Error(
            `the field at byte ${from} says that it has ${length} bytes, ${end - inside} are left`,
          );
        }
        field(id, inside, inside + length);
        this.at = inside + length;
      } else throw new Error(`byte ${from} has a field of the unknown wire type ${wire}`);
      if (this.at > end) throw new Error(`it ends within a number at byte ${from}`);
      if (wire !== 2) field(id, undefined, this.at);
    }
    this.at = end;
  }

  /** A tag, a length or any other number, as the decoder reads it. */
  private number(end: number): number {
    const start = this.at;
    let low = 0;
    let high = 0n;
    for (let k = 0; k < 10 && this.at < end; k++) {
      const byte = this.byte(this.at++);
      if (k < 4) low += (byte & 127) * 2 ** (7 * k);
      else high |= BigInt(byte & 127) << BigInt(7 * k);
      if (byte < 128) return k < 4 ? low : Number(BigInt.asUintN(64, high | BigInt(low)));
    }
    throw new Error(`the number at byte ${start} does not end`);
  }

  private byte(at: number): number {
    if (at < this.begin || at >= this.begin + this.filled) {
      this.begin = at;
      this.filled = readSync(this.file, this.window, 0, WINDOW, at);
      if (this.filled === 0) throw new Error(`it ends at byte ${at}`);
    }
    return this.window[at - this.begin]!;
  }
}
