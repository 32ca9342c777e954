/**
 * What the device's web page and its server say to each other: types only, read by both sides. Times are milliseconds
 * since 1970; shares and probabilities are between 0 and 1; pictures are named by their sample id.
 *
 * Errors are `{ error: { code, message } }`; a message is meant for the owner. Whatever changes something needs the
 * session's cookie and the header `x-csrf-token`.
 */

import type { SourceStatus } from '../capture/counters.js';
import type { EventData, EventKind, Hindrance } from '../link/event-data.js';

/** What is answered with a status of 400 and above. */
export interface ErrorBody {
  error: {
    code: string;
    message: string;
    /** Of settings that are refused: which ones, and what is wrong with each. */
    problems?: readonly { key: string; message: string }[];
  };
}

/** GET /api/session */
export interface SessionView {
  /** `first`: no password is set, and it can be set from this device only; `locked`: log in; `open`: logged in. */
  state: 'first' | 'locked' | 'open';
  device: string;
  version: string;
  /** Of an open session; sent back as `x-csrf-token`. */
  csrf?: string;
  /** Whether this request came from the device itself, from where alone the first password may be set. */
  local: boolean;
  /** The fewest characters of a password. */
  shortest: number;
}

/** POST /api/session/first and POST /api/session, answered with SessionView. DELETE /api/session logs out. */
export interface PasswordBody {
  password: string;
}

/** POST /api/session/password: ends all other sessions. */
export interface NewPasswordBody {
  before: string;
  password: string;
}

/** An answer for one picture, as it is shown. */
export interface AnswerView {
  task: string;
  /** Null where the picture is novel. */
  label: string | null;
  probability: number;
  /** Number of the version that answered, or `instant`. */
  version: number | 'instant';
  /** The likeliest classes first, ten at most. */
  all: { label: string; probability: number }[];
  novel: boolean;
}

/** The newest picture of a source. GET /api/pictures/<sample> is its JPEG for as long as the device holds it. */
export interface FrameView {
  source: string;
  sample: string;
  at: number;
  /** Null where nothing is learned yet. */
  answer: AnswerView | null;
  /** What the answers of this source over time say: null is undecided, `label: null` novel. */
  smoothed: { label: string | null; probability: number } | null;
}

/** What a source has seen and done; times as everywhere here. */
export type SourceView = Omit<SourceStatus, 'lastErrorAt' | 'lastFrameAt'> & {
  lastErrorAt: number | null;
  lastFrameAt: number | null;
};

export interface TaskView {
  task: string;
  classes: { label: string; samples: number }[];
  samples: number;
  /** On held-out samples; null while there are fewer than five. */
  accuracy: number | null;
  current: number | 'instant';
  isolation: string;
  closed: boolean;
  /** Labels since the last training, and how many start one. */
  newLabels: number;
  labelsToTrain: number;
}

/** A training under way. */
export interface TrainingView {
  task: string;
  /** Null until the first epoch has begun. */
  epoch: number | null;
  epochs: number | null;
  loss: number | null;
  startedAt: number;
}

/** Pictures of a source that are being taken as samples of a class. */
export interface RecordingView {
  source: string;
  task: string;
  label: string;
  taken: number;
  pictures: number;
}

/** The last thing that can be undone. */
export interface UndoView {
  id: number;
  at: number;
  kind: 'label' | 'relabel' | 'remove' | 'skip' | 'bad' | 'recording';
  task: string | null;
  label: string | null;
  /** How many pictures it was about. */
  pictures: number;
}

/** GET /api/overview, and the live stream's event `overview`. */
export interface Overview {
  device: string;
  version: string;
  profile: string;
  backbone: string;
  tasks: TaskView[];
  /** The task that the owner has fixed; null while the device chooses. */
  activeTask: string | null;
  sources: SourceView[];
  replay: { capBytes: number; usedBytes: number; samples: number; evicted: number };
  training: TrainingView | null;
  recording: RecordingView | null;
  queue: QueueCounts;
  undo: UndoView | null;
  rssBytes: number;
  temperatureCelsius: number | null;
  /** Whether a broker takes the reports. */
  connected: boolean;
  /** Why no training may start now, where something keeps it from starting. */
  trainingWaits: Hindrance | null;
}

export interface QueueCounts {
  /** Cards that wait for an answer. */
  waiting: number;
  /** Cards put today, and at most so many a day. */
  asked: number;
  perDay: number;
  /** Pictures that may become cards. */
  candidates: number;
}

/**
 * GET /api/live: server-sent events. First `overview` and a `frame` for each source, then changes: `overview` at most
 * twice a second, `frame` for every picture that was answered, `event` for what the device reports to its owner.
 */
export interface LiveEvents {
  overview: Overview;
  frame: FrameView;
  event: EventView;
}

/** What happened; `data` says all that the English `message` says. */
export type EventView = {
  [K in EventKind]: {
    at: number;
    kind: K;
    severity: 'info' | 'warning' | 'error';
    message: string;
    data: EventData[K];
  };
}[EventKind];

/** Why a picture is asked about. */
export type AskReason = 'novel' | 'unsure' | 'different' | 'disagreement';

/** A question to the owner. */
export interface Card {
  sample: string;
  source: string;
  at: number;
  reason: AskReason;
  answer: AnswerView | null;
  /** What a weak label said, and how often such labels were right so far. */
  weak: { label: string; source: string; trust: number } | null;
}

/** GET /api/queue */
export interface QueueView {
  cards: Card[];
  counts: QueueCounts;
  /** The classes that can be tapped, by task. */
  tasks: { task: string; classes: string[]; closed: boolean }[];
}

/**
 * POST /api/labels: labels a card, a live picture, or a sample that was kept before (which is then corrected). A task or
 * class that is new is made.
 */
export interface LabelBody {
  sample: string;
  task: string;
  label: string;
}

/** Answer of POST /api/labels. */
export interface Labelled {
  /** How the same picture is answered now; null where nothing can be said yet. */
  answer: AnswerView | null;
  /** From the request to the answer. */
  milliseconds: number;
  /** Whether the picture is kept for testing answers: what is tested on is never learned from. */
  heldOut: boolean;
  undo: UndoView;
}

/** POST /api/queue/<sample>/skip and /bad: a bad picture is deleted, a skipped one is not asked about again. */
export interface Skipped {
  undo: UndoView;
}

/** DELETE /api/samples/<sample>: takes a sample that was kept out of the memory. */
export interface Removed {
  undo: UndoView;
}

/** POST /api/undo { id } undoes the last thing. */
export interface UndoBody {
  id: number;
}

/** POST /api/recording; answered with RecordingView. DELETE /api/recording ends it. */
export interface RecordingBody {
  source: string;
  task: string;
  label: string;
  /** 1 to 60 pictures. */
  pictures: number;
}

/** POST /api/active { task } fixes the task that is asked for; null lets the device choose. */
export interface ActiveBody {
  task: string | null;
}

/** GET /api/tasks/<task> */
export interface TaskDetail extends TaskView {
  /** Samples of each class that are kept, newest first, those with a thumbnail or a picture. */
  examples: { label: string; samples: { sample: string; at: number; heldOut: boolean }[] }[];
  versions: VersionView[];
  /** Accuracy on held-out samples, oldest first. */
  history: { at: number; accuracy: number; version: number | 'instant'; samples: number }[];
  /** Null until the task was looked into; POST /api/tasks/<task>/study does that now. */
  study: StudyView | null;
  /** Whether a study is being made. */
  studying: boolean;
}

export interface VersionView {
  number: number;
  at: number;
  source: 'trained' | 'pack';
  isolation: string;
  state: 'candidate' | 'promoted' | 'discarded';
  current: boolean;
  accuracy: number | null;
  bytes: number;
  samples: number | null;
}

/** What a look into a task found. */
export interface StudyView {
  at: number;
  samples: number;
  /** Of the network that answers, on held-out samples: rows are what it is, columns what was answered. */
  confusion: { classes: string[]; counts: number[][] } | null;
  /** Accuracy over how many labels were learned, by the instant answer, on the samples that were left out. */
  curve: { labels: number; accuracy: number; spread: number }[];
  /** What more labels would bring, by a power law through the curve; null where there are too few to tell. */
  forecast: { moreLabels: number; accuracy: number; now: number; enough: boolean } | null;
  /** Samples whose label is doubted, the most doubted first. */
  doubtful: { sample: string; label: string; suggestion: string; probability: number }[];
}

/** POST /api/tasks { task } */
export interface TaskBody {
  task: string;
}

/**
 * POST /api/tasks/<task>/train, /rollback, /close, /study. Training answers at once: its progress is in the live stream.
 * Rollback answers with { from, to }. A closed task never changes again.
 */
export interface RolledBack {
  from: number | 'instant';
  to: number | 'instant';
}

/** What left, of one kind, to one place. */
export interface LeftView {
  kind: string;
  where: string;
  messages: number;
  bytes: number;
  lastAt: number | null;
  what: string;
}

/** GET /api/privacy */
export interface PrivacyView {
  /** Since when is counted. */
  since: number;
  /** Every byte that was reported, by kind; `where` is a topic or an address. */
  left: LeftView[];
  /** What the device's own web server answered to who asked; `where` is a `ServedPlace`. */
  served: LeftView[];
  /** What is kept here. */
  kept: { kind: string; count: number; bytes: number; sealed: boolean; what: string }[];
  broker: string;
  thumbnails: boolean;
}
