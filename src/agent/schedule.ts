import { createTask, type ScheduledTask } from 'node-cron';

/** When the agent trains by itself, as a cron expression; an empty one never. */
export class Schedule {
  private readonly task: ScheduledTask | undefined;

  constructor(config: { train: string; timezone?: string }, onTrain: () => void) {
    if (config.train === '') return;
    this.task = createTask(config.train, onTrain, { timezone: config.timezone, noOverlap: true });
  }

  start(): void {
    this.task?.start();
  }

  stop(): void {
    void this.task?.destroy();
  }
}
