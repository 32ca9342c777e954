import type { Card } from '../api.js';

/**
 * The cards to show after the device sent its queue: those that were answered here and are still on their way are left
 * out, the card that the owner looks at stays first for as long as it waits, and one that was taken back comes first.
 */
export function mergeDeck(
  shown: readonly Card[],
  fetched: readonly Card[],
  answered: ReadonlySet<string>,
  takenBack: string | null,
): Card[] {
  const waiting = fetched.filter(({ sample }) => !answered.has(sample));
  const first = [takenBack, shown[0]?.sample].find((one) => waiting.some(({ sample }) => sample === one));
  if (first === undefined || first === null) return waiting;
  return [
    ...waiting.filter(({ sample }) => sample === first),
    ...waiting.filter(({ sample }) => sample !== first),
  ];
}

/** The task whose classes are offered for a card: the chosen one, the one that answered, or the first that is open. */
export function taskOfCard(
  card: Card,
  tasks: readonly { task: string; closed: boolean }[],
  chosen: string | null,
): string | null {
  const open = tasks.filter(({ closed }) => !closed).map(({ task }) => task);
  return [chosen, card.answer?.task].find((one) => one != null && open.includes(one)) ?? open[0] ?? null;
}
