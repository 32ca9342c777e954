import { expect, test } from 'vitest';
import { inTurns } from '../../../bench/speed/turns.js';

test('sides work one after the other, each once a round', async () => {
  const order: string[] = [];
  let busy = 0;
  const side = (name: string) => async () => {
    busy++;
    await new Promise((resolve) => setTimeout(resolve, 5));
    order.push(busy === 1 ? name : `${name} beside another`);
    busy--;
    return `${name}${order.length}`;
  };
  const answers = await inTurns([side('a'), side('b'), side('c')], 3, 0);
  expect(order.join(' ')).toBe('a b c a b c a b c');
  expect(answers).toEqual([
    ['a1', 'a4', 'a7'],
    ['b2', 'b5', 'b8'],
    ['c3', 'c6', 'c9'],
  ]);
});

test('a side that fails ends the comparison', async () => {
  const failing = [async () => 1, async () => Promise.reject(new Error('gone'))];
  await expect(inTurns(failing, 2, 0)).rejects.toThrow('gone');
});
