import { LichenError, messageOf } from '../errors.js';
import type { StudyView } from '../label/api.js';
import { studyTask } from '../label/study.js';
import { TaskNetwork } from '../learn/network.js';
import { Random } from '../random.js';
import type { Recognizer } from '../recognize/recognizer.js';
import { bareModel } from '../recognize/task-model.js';
import type { AgentParts, Rooms } from './open-rooms.js';

/** A study looks at the newest samples, at most so many: its cost grows with their square. */
const STUDIED = 1000;
const studyKey = (task: string) => `study:${task}`;

/** Looks into tasks: whether their labels are enough, and which are in doubt. One look into a task at a time. */
export class Studies {
  private readonly parts: Pick<AgentParts, 'config' | 'log'>;
  private readonly rooms: Rooms;
  private readonly recognizer: Recognizer;
  private readonly changed: () => void;
  private readonly running = new Map<string, Promise<void>>();

  /** @param changed told when a study has ended */
  constructor(
    parts: Pick<AgentParts, 'config' | 'log'>,
    rooms: Rooms,
    recognizer: Recognizer,
    changed: () => void,
  ) {
    this.parts = parts;
    this.rooms = rooms;
    this.recognizer = recognizer;
    this.changed = changed;
  }

  /** What was found last, and whether a study is being made. */
  of(task: string): { study: StudyView | null; studying: boolean } {
    const study = this.rooms.store.settings.get(studyKey(task));
    return {
      study: study === undefined ? null : (JSON.parse(study) as StudyView),
      studying: this.running.has(task),
    };
  }

  /** Begins a study, unless one is being made. @throws LichenError `task-unknown` */
  begin(task: string): void {
    this.rooms.store.tasks.require(task);
    if (this.running.has(task)) return;
    const work = this.make(task)
      .catch((error) => this.parts.log.warn({ task, error: messageOf(error) }, 'no study'))
      .finally(() => {
        this.running.delete(task);
        this.changed();
      });
    this.running.set(task, work);
  }

  /** Resolves when no study is being made any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.running.values());
  }

  private async make(task: string): Promise<void> {
    const { engine, backbone, memory, store, discriminants } = this.rooms;
    const samples = memory
      .refs({ task })
      .sort((a, b) => b.at - a.at)
      .slice(0, STUDIED)
      .map((ref) => ({ sample: ref.id, label: ref.label, heldOut: ref.heldOut, latent: memory.read(ref) }));
    const discriminant = discriminants.get(task);
    if (!discriminant || samples.length < 2) {
      throw new LichenError('learn-no-samples', `task '${task}' has too few samples to look into`);
    }
    const network = await TaskNetwork.open(engine, bareModel(backbone), backbone.latentCodec, {
      spin: false,
    });
    try {
      const { shrinkage, temperature } = discriminant;
      const answers = (latents: readonly Uint8Array[]) => this.recognizer.classifyOwn(latents, task);
      const random = new Random(this.parts.config.learn.seed);
      const study = await studyTask(
        samples,
        { network, shrinkage, temperature, answers, random },
        Date.now(),
      );
      store.settings.set(studyKey(task), JSON.stringify(study));
    } finally {
      await network.close();
    }
  }
}
