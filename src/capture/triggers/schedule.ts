import { createTask, type ScheduledTask } from 'node-cron';
import type { Trigger } from './trigger.js';

/** The first picture after each time of a cron expression. */
export class ScheduleTrigger implements Trigger {
  private readonly task: ScheduledTask;
  private wanted = false;

  constructor(expression: string, timezone?: string) {
    this.task = createTask(
      expression,
      () => {
        this.wanted = true;
      },
      { timezone },
    );
  }

  get asked(): boolean {
    return this.wanted;
  }

  start(): void {
    void this.task.start();
  }

  stop(): void {
    void this.task.destroy();
  }

  due(): boolean {
    return this.wanted;
  }

  done(): void {
    this.wanted = false;
  }
}
