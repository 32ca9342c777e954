import type { Trigger } from './trigger.js';

/** Every picture. */
export class AlwaysTrigger implements Trigger {
  due(): boolean {
    return true;
  }

  done(): void {}
}
