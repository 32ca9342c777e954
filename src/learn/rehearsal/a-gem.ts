import { dotOfAll } from '../../autodiff/dot.js';
import { add, mul, neg } from '../../autodiff/rule.js';
import type { GraphBuilder } from '../../onnx/builder.js';
import type { Random } from '../../random.js';
import {
  drawWithoutDoubles,
  GivenMemory,
  type Remembered,
  Rings,
  type TaskMemory,
} from '../sequence/episodic-memory.js';
import type { Direction, SequenceRehearsal } from '../sequence/rehearsal.js';

/** Keeps a division by the reference's square defined; far below any gradient's square that matters. */
const TINY = 1e-20;

/**
 * A-GEM (Chaudhry et al. 2019, 'Efficient lifelong learning with A-GEM', equation 11): where the step would raise the
 * average loss on the memory of earlier tasks, g . r < 0, what goes against it is taken away:
 * g - (g . r) / (r . r) r. The memory is a ring of the last samples of each task.
 */
export class AverageGem implements SequenceRehearsal {
  readonly name = 'a-gem';
  readonly rows: number;
  readonly direction: Direction = { agreement: dotOfAll, correct };
  private readonly memory: TaskMemory;
  /** What is remembered of the tasks before one. */
  private before: { task: number; entries: readonly Remembered[] } | undefined;

  /**
   * @param each samples remembered of each task
   * @param rows samples that the reference gradient is taken on
   * @param given the memory, where it is not the method's own
   */
  constructor(each: number, rows: number, given?: GivenMemory) {
    this.rows = rows;
    this.memory = given ?? new Rings(each, ({ task }) => task);
  }

  get count(): number {
    return this.memory.entries.length;
  }

  offer(sample: Remembered): void {
    this.memory.offer(sample);
  }

  remember(earlier: readonly (readonly Remembered[])[]): void {
    if (this.memory instanceof GivenMemory) this.memory.give(earlier);
    this.before = undefined;
  }

  recall(task: number, random: Random): Remembered[][] {
    // What is remembered of earlier tasks stands still.
    if (this.before?.task !== task) {
      this.before = { task, entries: this.memory.entries.filter((entry) => entry.task < task) };
    }
    return [drawWithoutDoubles(this.before.entries, this.rows, random)];
  }
}

type Gradients = ReadonlyMap<string, string>;

function correct(
  b: GraphBuilder,
  found: Gradients,
  reference: Gradients,
  agreed: string,
): Map<string, string> {
  const against = b.op('Relu', [neg(b, agreed)]);
  const square = dotOfAll(b, reference, reference);
  const share = b.op('Div', [against, b.op('Add', [square, b.scalar(TINY)])]);
  return new Map([...found].map(([n, g]) => [n, add(b, g, mul(b, reference.get(n)!, share))]));
}
