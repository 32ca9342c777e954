import type { SourceView } from '../../api.js';

/** What is counted of a source, in the order in which a picture meets it. */
const COUNTS = ['frames', 'delivered', 'duplicates', 'blurred', 'dropped', 'bad'] as const;
type Count = (typeof COUNTS)[number];

/** What there is to say of a source's pictures: how many came and went on, and, where some did not, why. */
export function countsOf(source: Pick<SourceView, Count>): [Count, number][] {
  return COUNTS.map((count): [Count, number] => [count, source[count]]).filter(
    ([count, value]) => value > 0 || count === 'frames' || count === 'delivered',
  );
}
