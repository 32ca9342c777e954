import type { Overview, PrivacyView, StudyView, TaskDetail, TaskView, VersionView } from '../label/api.js';
import type { Thumbnails } from '../label/thumbnails.js';
import type { Ledger } from '../link/ledger.js';
import type { MetricsBody } from '../link/schemas.js';
import { SERVED_KINDS } from '../link/served.js';
import type { Version } from '../store/versions.js';
import type { Rooms } from './open-rooms.js';
import type { Training } from './training.js';

/** Examples of a class that are shown, at most. */
const EXAMPLES = 24;
/** An accuracy on fewer held-out samples says nothing. */
const FEWEST = 5;

const time = (iso: string | null): number | null => (iso === null ? null : Date.parse(iso));

/** What the page shows of the whole device. */
export function overviewOf(
  { memory, backbone }: Rooms,
  training: Training,
  metrics: MetricsBody,
  more: Pick<
    Overview,
    'device' | 'version' | 'profile' | 'recording' | 'queue' | 'undo' | 'connected' | 'trainingWaits'
  > & { labelsToTrain: number },
): Overview {
  const { labelsToTrain, ...rest } = more;
  const { capBytes, usedBytes, samples, perGroup } = memory.stats();
  const running = training.running;
  const heldOut = (task: string) =>
    perGroup.filter((g) => g.task === task && g.heldOut).reduce((sum, g) => sum + g.kept, 0);
  return {
    ...rest,
    backbone: backbone.id.name,
    tasks: metrics.tasks.map((task) => ({
      task: task.task,
      classes: task.classes.map((label) => ({
        label,
        samples: perGroup
          .filter((g) => g.task === task.task && g.label === label)
          .reduce((sum, g) => sum + g.kept, 0),
      })),
      samples: task.samples,
      accuracy: heldOut(task.task) >= FEWEST ? task.accuracyHeldOut : null,
      current: task.current,
      isolation: task.isolation,
      closed: task.closed,
      newLabels: training.newLabelsOf(task.task),
      labelsToTrain,
    })),
    activeTask: metrics.activeTask ?? null,
    sources: (metrics.sources ?? []).map(({ lastErrorAt, lastFrameAt, ...source }) => ({
      ...source,
      lastErrorAt: time(lastErrorAt),
      lastFrameAt: time(lastFrameAt),
    })),
    replay: {
      ...{ capBytes, usedBytes, samples },
      evicted: perGroup.reduce((sum, g) => sum + g.seen - g.kept, 0),
    },
    training: running
      ? {
          task: running.task,
          epoch: running.progress?.epoch ?? null,
          epochs: running.progress?.epochs ?? null,
          loss: running.progress?.loss ?? null,
          startedAt: running.since,
        }
      : null,
    rssBytes: metrics.rssBytes,
    temperatureCelsius: metrics.temperatureCelsius ?? null,
  };
}

/** What the page shows of one task. */
export function taskDetailOf(
  { store, memory }: Rooms,
  thumbnails: Thumbnails,
  view: TaskView,
  more: { study: StudyView | null; studying: boolean },
): TaskDetail {
  const { task } = view;
  const pictured = thumbnails.samples();
  const newest = memory.refs({ task }).sort((a, b) => b.at - a.at);
  const versions = store.versions.list(task);
  return {
    ...view,
    ...more,
    examples: view.classes.map(({ label }) => ({
      label,
      samples: newest
        .filter((r) => r.label === label && pictured.has(r.id))
        .slice(0, EXAMPLES)
        .map(({ id, at, heldOut }) => ({ sample: id, at, heldOut })),
    })),
    versions: versions.map((v) => versionView(v, view.current)).reverse(),
    history: versions.flatMap((v) => {
      const samples = number(v.metrics.trainSamples) ?? 0;
      const [before, after] = [number(v.metrics.instantAccuracy), number(v.metrics.heldOutAccuracy)];
      return [
        ...(before === null
          ? []
          : [{ at: v.createdAt, accuracy: before, version: 'instant' as const, samples }]),
        ...(after === null ? [] : [{ at: v.createdAt, accuracy: after, version: v.number, samples }]),
      ];
    }),
  };
}

function versionView(
  { number: n, createdAt, source, isolation, state, metrics, adapterBytes }: Version,
  current: TaskView['current'],
): VersionView {
  return {
    number: n,
    at: createdAt,
    ...{ source, isolation, state },
    current: n === current,
    accuracy: number(metrics.heldOutAccuracy),
    bytes: adapterBytes,
    samples: number(metrics.trainSamples),
  };
}

const number = (value: unknown): number | null => (typeof value === 'number' ? value : null);

const MEANING: Readonly<Record<string, string>> = {
  state: 'that the device is there, its versions and its board',
  will: 'that the device is gone, left with the broker in advance',
  metrics: 'counts, accuracies, bytes and temperatures',
  result: 'labels and probabilities of pictures, with a hash of each, never a picture',
  event: 'what happened, in words',
  adapter: 'which version each task runs, with its hash',
  response: 'answers to requests',
  'home-assistant': 'names of tasks and classes, for Home Assistant',
  webhook: 'labels, probabilities and events, never a picture',
  picture: 'small pictures: homeAssistant.pictures is on',
  page: 'the page, and what it shows: figures, labels, settings',
  'page-picture': 'pictures that were looked at on the page',
  'page-live': 'answers and counts as they came, while the page was open',
  'post-answer': 'answers to programs that posted a picture',
};

/** What left the device, and what it keeps. */
export function privacyOf(
  { memory, store }: Rooms,
  ledger: Ledger,
  more: {
    thumbnails: { on: boolean; count: number; bytes: number };
    questions: { count: number; bytes: number };
    broker: string;
  },
): PrivacyView {
  const { samples, diskBytes } = memory.stats();
  const states = store.learnerStates.list();
  const counted = ledger.list().map(({ kind, where, messages, bytes, lastAt }) => ({
    ...{ kind, where, messages, bytes, lastAt },
    what: MEANING[kind] ?? '',
  }));
  const isServed = ({ kind }: { kind: string }) => SERVED_KINDS.some((k) => k === kind);
  return {
    since: ledger.since,
    left: counted.filter((one) => !isServed(one)),
    served: counted.filter(isServed),
    kept: [
      {
        ...{ kind: 'latents', count: samples, bytes: diskBytes, sealed: true },
        what: 'what the network saw in labelled pictures, for learning; a picture cannot be shown from it',
      },
      {
        ...{ kind: 'questions', count: more.questions.count, bytes: more.questions.bytes, sealed: true },
        what: 'pictures that wait for an answer; deleted with it',
      },
      {
        ...{ kind: 'thumbnails', count: more.thumbnails.count, bytes: more.thumbnails.bytes, sealed: true },
        what: 'small pictures of labelled samples, for this page',
      },
      {
        kind: 'learner-states',
        count: states.length,
        bytes: states.reduce((sum, s) => sum + s.bytes, 0),
        sealed: true,
        what: 'what methods keep of earlier tasks',
      },
    ],
    broker: more.broker.replace(/\/\/[^@/]*@/, '//'),
    thumbnails: more.thumbnails.on,
  };
}
