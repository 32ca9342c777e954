import type { Picture } from '../capture/source.js';
import type { Answer } from '../recognize/answer.js';
import type { Store } from '../store/store.js';
import type { ActiveTask } from './active-task.js';
import type { Announcer } from './announcer.js';
import type { DevicePage } from './device-page.js';
import { type Intake, isFaultOfPicture, type Kept } from './intake.js';
import type { Notifier } from './notify.js';
import type { OpenedTasks } from './opened-tasks.js';
import type { ShownPictures } from './shown-pictures.js';
import type { StreamReports } from './stream-reports.js';

export interface DeliveriesOptions {
  store: Store;
  intake: Intake;
  streams: StreamReports;
  active: ActiveTask;
  opened: OpenedTasks;
  /** Shows pictures to Home Assistant, where that is wanted. */
  pictures: ShownPictures | undefined;
  page: () => DevicePage | undefined;
  announcer: Announcer;
  notifier: Notifier;
}

/** The way of every picture from its source: it is answered and kept, told of, and shown to the owner. */
export class Deliveries {
  private readonly options: DeliveriesOptions;
  private newest: (Answer & { sample: string; source: string }) | undefined;

  constructor(options: DeliveriesOptions) {
    this.options = options;
  }

  /** The last answer that was given for a picture of a source. */
  get newestAnswer(): (Answer & { sample: string; source: string }) | undefined {
    return this.newest;
  }

  /** Takes a picture in; undefined where nothing came of it. */
  async receive(delivery: Picture): Promise<Kept | undefined> {
    const { intake, active, streams, notifier, pictures } = this.options;
    const { label, source, path, fault, trust } = delivery;
    if (fault !== undefined) {
      this.setAside(path, fault);
      return undefined;
    }
    if (label !== undefined && trust !== undefined) return this.receiveWeak(delivery, label, trust);
    const found = label === undefined ? active.name : this.taskOfLabels(source);
    const task = delivery.task ?? found;
    const kept = await intake.deliver({ ...delivery, task });
    notifier.progress();
    if (!kept) return undefined;
    const { sample, latent, answer } = kept;
    const { bytes } = delivery;
    const at = Date.now();
    const smoothed = answer && streams.tell(delivery, sample, answer, at, task !== undefined);
    if (answer) {
      this.newest = { ...answer, sample, source: source ?? path };
      if (source !== undefined) pictures?.show(source, bytes);
    }
    if (label === undefined) {
      const shown = { sample, source: source ?? path, at, bytes, latent, answer, smoothed };
      await this.options.page()?.seen({ ...shown, task });
    }
    return kept;
  }

  /** The task of a label that names none: the one that was opened for its source, or the one that the owner chose. */
  taskOfLabels(source: string | undefined): string | undefined {
    const { opened, active, store } = this.options;
    const own = source === undefined ? undefined : opened.of(source);
    const { name } = active;
    const isOpen = name !== undefined && store.tasks.get(name)?.closedAt === undefined;
    return own ?? (isOpen ? name : undefined);
  }

  /** Notes a picture that nothing can be made of. */
  setAside(path: string, reason: string): void {
    this.options.store.rejects.add(path, reason);
    this.options.announcer.event('picture-set-aside', 'warning', `${path}: ${reason}`, { path, reason });
  }

  /** Takes a picture in whose label may be wrong: it is answered first. */
  private async receiveWeak(delivery: Picture, label: string, trust: number): Promise<Kept | undefined> {
    const { intake, notifier } = this.options;
    const page = this.options.page();
    const { path, bytes, source = path } = delivery;
    const task = delivery.task ?? this.taskOfLabels(source);
    if (task === undefined || !page) return undefined;
    const kept = await intake.deliver({ path, bytes, task });
    notifier.progress();
    if (!kept) return undefined;
    const { sample, latent, answer } = kept;
    const frame = { sample, source, task, at: Date.now(), bytes, latent, answer, smoothed: undefined };
    try {
      await page.weak(frame, { task, label, trust });
    } catch (error) {
      if (!isFaultOfPicture(error)) throw error;
      this.setAside(path, error.message);
    }
    return kept;
  }
}
