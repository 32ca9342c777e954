import type { Picture } from '../capture/source.js';
import type { EventData } from '../link/event-data.js';
import type { ResultBody, ResultEventBody } from '../link/schemas.js';
import type { Answer } from '../recognize/answer.js';
import type { Smoothed } from '../recognize/smoothing.js';
import { type StreamEvent, type StreamEventChange, StreamEvents } from '../recognize/stream-events.js';
import { StreamWatch } from '../recognize/stream-watch.js';
import type { OpenedTask, OpenedTasks } from './opened-tasks.js';
import { driftMessage, type RecognizeConfig } from './recognize-config.js';

/** Where the reports go. */
export interface StreamSinks {
  /** @param changed whether what the stream says is another than before */
  result: (body: ResultBody, changed: boolean) => void;
  /** Something stands, has changed, or stands no more. */
  standing: (body: ResultEventBody) => void;
  drift: (message: string, data: EventData['drift']) => void;
  /** A task was opened for what a source shows now. */
  opened: (source: string, task: OpenedTask) => void;
}

/** Publishes every answer together with what its source's stream says, and the stream's drift. */
export class StreamReports {
  private readonly watch: StreamWatch;
  private readonly events: StreamEvents;
  private readonly sinks: StreamSinks;
  private readonly drifts: boolean;
  private readonly opening: OpenedTasks | undefined;

  /** @param opening opens tasks where the settings want that */
  constructor({ smoothing, drift }: RecognizeConfig, sinks: StreamSinks, opening: OpenedTasks) {
    const options = { ...smoothing, halfLife: smoothing.halfLife / 1000 };
    this.watch = new StreamWatch(options);
    this.events = new StreamEvents(options);
    this.sinks = sinks;
    this.drifts = drift !== 'off';
    this.opening = drift === 'open' ? opening : undefined;
  }

  /**
   * @param at milliseconds since 1970
   * @param named whether the answer is of a task that somebody named for the picture: then none is opened
   * @returns what the source's answers over time say now
   */
  tell(
    { path, source = path }: Picture,
    sample: string,
    answer: Answer,
    at: number,
    named: boolean,
  ): Smoothed {
    const { task, label, probability, version, novel, pValue } = answer;
    const { smoothed, drift } = this.watch.add(source, answer, at);
    const body: ResultBody = {
      task,
      label: novel ? null : label,
      probability,
      version,
      sample,
      source: path,
      ...(pValue !== undefined && { pValue }),
      // Undecided is told as no label, with the probability of the likeliest.
      smoothed: {
        decided: smoothed.label !== undefined,
        label: smoothed.label ?? null,
        probability: smoothed.probability,
      },
    };
    this.sinks.result(body, smoothed.changed);
    this.stand(this.events.add(source, sample, answer, smoothed, at));
    if (drift && this.drifts) this.sinks.drift(driftMessage(source, drift), { source, task, kind: drift });
    const opened = named ? undefined : this.opening?.add(source, answer, drift, at);
    if (opened) this.sinks.opened(source, opened);
    return smoothed;
  }

  /**
   * Ends what stands of a source that gives no more pictures, or of all.
   * @param at milliseconds since 1970
   */
  end(source: string | undefined, at: number): void {
    this.stand(this.events.end(source, at));
  }

  private stand(changes: readonly StreamEventChange[]): void {
    for (const { type, before, after } of changes) {
      this.sinks.standing({ type, before: before && standing(before), after: standing(after) });
    }
  }
}

function standing({ startedAt, endedAt, ...event }: StreamEvent): ResultEventBody['after'] {
  return {
    ...event,
    novel: event.label === null,
    startedAt: new Date(startedAt).toISOString(),
    endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
  };
}
