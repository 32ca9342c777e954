import type { Random } from '../../random.js';
import type { Rehearsal } from '../strategy.js';

/**
 * Experience replay (Chaudhry et al. 2019, 'On tiny episodic memories'): half of each batch is fresh, half is
 * drawn from the memory, here with every class equally likely. One epoch shows every fresh sample once; where
 * nothing is fresh, it shows the memory once.
 */
export class ExperienceReplay implements Rehearsal {
  readonly name = 'er';

  epoch(
    fresh: readonly number[],
    memory: readonly number[],
    labels: ArrayLike<number>,
    batch: number,
    random: Random,
  ): number[][] {
    if (fresh.length === 0 || memory.length === 0)
      return shuffledBatches([...fresh, ...memory], batch, random);
    const byClass = new Map<number, number[]>();
    for (const i of memory) byClass.set(labels[i]!, [...(byClass.get(labels[i]!) ?? []), i]);
    const classes = [...byClass.values()];
    const recalled = Math.floor(batch / 2);
    return shuffledBatches(fresh, batch - recalled, random).map((part) => [
      ...part,
      ...Array.from({ length: recalled }, () => {
        const of = classes[random.int(classes.length)]!;
        return of[random.int(of.length)]!;
      }),
    ]);
  }
}

/** Every index once, in random order, in batches of at most `batch`. */
export function shuffledBatches(indices: readonly number[], batch: number, random: Random): number[][] {
  const order = random.shuffle([...indices]);
  return Array.from({ length: Math.ceil(order.length / batch) }, (_, i) =>
    order.slice(i * batch, (i + 1) * batch),
  );
}
