import { InvalidArgumentError, Option } from 'commander';
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
