import { setTimeout as sleep } from 'node:timers/promises';

/** Idle threads of a side that has just worked spin for a while before they sleep. */
const SETTLE_MS = 50;

/**
 * Lets everybody work in turns, A B A B ..., so that what else the machine does befalls all alike.
 * @returns for each side what it answered, in order
 */
export async function inTurns<T>(
  sides: readonly (() => Promise<T>)[],
  rounds: number,
  settle = SETTLE_MS,
): Promise<T[][]> {
  const answers: T[][] = sides.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, side] of sides.entries()) {
      answers[i]!.push(await side());
      await sleep(settle);
    }
  }
  return answers;
}
