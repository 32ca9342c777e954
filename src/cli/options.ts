import { InvalidArgumentError, Option } from 'commander';
import { byteSize } from '../config/units.js';
import { ENGINES } from '../engine/engine.js';

/** `--engine`, with what the command has an engine for. */
export function engineOption(what = 'what computes'): Option {
  return new Option('--engine <name>', `${what}; auto is ort`).choices(ENGINES).default('auto');
}

/** Parses a whole number within a range. */
export function integer(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < lowest || value > highest) {
      throw new InvalidArgumentError(`expected a whole number from ${lowest} to ${highest}.`);
    }
    return value;
  };
}

/** Parses a number within a range. */
export function numberWithin(lowest: number, highest: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !(value >= lowest && value <= highest)) {
      throw new InvalidArgumentError(`expected a number from ${lowest} to ${highest}.`);
    }
    return value;
  };
}

/** Parses a size such as 200MiB; returns bytes. */
export function size(text: string): number {
  const parsed = byteSize(1).safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError(`${parsed.error.issues[0]?.message ?? 'expected a size'}.`);
}
