import { Camera } from './camera.js';
import type { CameraSettings, RetrySettings } from './common-config.js';
import type { CaptureContext } from './context.js';
import { Counters } from './counters.js';
import type { FrameSource } from './frames.js';
import { Gate } from './gate.js';
import { Poll } from './poll.js';
import { ProgramCamera } from './program-camera.js';
import { AlwaysTrigger } from './triggers/always.js';
import { IntervalTrigger } from './triggers/interval.js';
import { MessageTrigger } from './triggers/message.js';
import { MotionTrigger } from './triggers/motion.js';
import { ScheduleTrigger } from './triggers/schedule.js';
import type { Trigger } from './triggers/trigger.js';

/** Delay before the first attempt to begin again. */
export const RETRY_MIN_MS = 500;

/**
 * A camera with the triggers and the gate that its settings name.
 * @param queue pictures that may wait while one is worked on
 */
export function openCamera(
  config: Omit<CameraSettings, 'name' | 'maxBytes'> & { kind: string },
  name: string,
  frames: FrameSource,
  context: CaptureContext,
  queue = 1,
): Camera {
  const { trigger, region, drop, rate, task } = config;
  const counters = new Counters(name, config.kind);
  const shared = sharedTriggers(trigger, context);
  return new Camera({
    frames,
    triggers: shared,
    newGate: () =>
      new Gate(
        { triggers: [...shared, ...ownTriggers(trigger)], region, crop: region?.crop ?? false, ...drop },
        counters,
      ),
    rate,
    queue,
    task,
    counters,
    report: context.report,
    log: context.log,
  });
}

/** A camera through a program that writes JPEG pictures to its standard output. */
export function openProgramCamera(
  config: CameraSettings & RetrySettings & { kind: string; program: string },
  name: string,
  args: readonly string[],
  context: CaptureContext,
  again = true,
): Camera {
  const frames = new ProgramCamera({
    program: config.program,
    args,
    again,
    stall: patience(config),
    maxBytes: config.maxBytes,
    backoff: { minMs: RETRY_MIN_MS, maxMs: config.retryMax },
    seed: context.seed,
  });
  return openCamera(config, name, frames, context);
}

/** A camera that is asked for one picture after the other. */
export function openPolledCamera(
  config: CameraSettings & RetrySettings & { kind: string },
  name: string,
  every: number,
  take: (signal: AbortSignal) => Promise<Buffer | undefined>,
  context: CaptureContext,
): Camera {
  const frames = new Poll({
    every,
    take,
    patience: config.stall,
    backoff: { minMs: RETRY_MIN_MS, maxMs: config.retryMax },
    seed: context.seed,
  });
  // How often one is asked for is the rate already.
  return openCamera({ ...config, rate: 0 }, name, frames, context);
}

/** How long a source may be silent: at least until three pictures should have come. */
function patience({ stall, rate }: CameraSettings & RetrySettings): number {
  return rate > 0 ? Math.max(stall, 3000 / rate) : stall;
}

/** Triggers that ask for a picture once, from whichever place it comes. */
function sharedTriggers(
  { schedule, message }: CameraSettings['trigger'],
  context: CaptureContext,
): Trigger[] {
  return [
    ...(schedule !== undefined ? [new ScheduleTrigger(schedule)] : []),
    ...(message ? [new MessageTrigger(context.feed(message.broker), message.topic)] : []),
  ];
}

/** Triggers that depend on what was seen from a place. */
function ownTriggers({ motion, interval, schedule, message }: CameraSettings['trigger']): Trigger[] {
  const some = motion ?? interval ?? schedule ?? message;
  return [
    ...(motion ? [new MotionTrigger(motion)] : []),
    ...(interval !== undefined ? [new IntervalTrigger(interval)] : []),
    ...(some === undefined ? [new AlwaysTrigger()] : []),
  ];
}
