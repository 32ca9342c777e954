import type { SequenceTask } from './task.js';
import { TrainedWhenAsked } from './trained-when-asked.js';

/** The upper reference: one network that is trained on all tasks so far together. It keeps every sample. */
export class Joint extends TrainedWhenAsked {
  protected collect(): void {}

  protected collected(): SequenceTask[] {
    return this.tasks;
  }

  protected get count(): number {
    return this.tasks.reduce((sum, t) => sum + t.train.count, 0);
  }
}
