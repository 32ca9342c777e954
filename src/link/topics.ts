import { LichenError } from '../errors.js';

/** Every topic of this version of the contract starts with it. */
export const ROOT = 'lichen/v1';

const ID = /^[a-zA-Z0-9_-]{1,64}$/;

/** A topic of the contract, taken apart. `task`, `verb` and `source` are ids. A result without a task is of all of them. */
export type Topic =
  | { kind: 'state' | 'metrics' | 'event' | 'result'; device: string }
  | { kind: 'result' | 'adapter'; device: string; task: string }
  | { kind: 'request' | 'response'; device: string; verb: string }
  | { kind: 'picture'; device: string; source: string };

export type TopicKind = Topic['kind'];

/** Whether a text may be used as the id of a device, a task, a verb, a sample or a transaction. */
export function isId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text);
}

/**
 * The id itself.
 * @throws LichenError `id-invalid` when it holds anything but 1 to 64 of [a-zA-Z0-9_-].
 */
export function checkedId(what: string, id: string): string {
  if (isId(id)) return id;
  throw new LichenError(
    'id-invalid',
    `${what} ${JSON.stringify(id)} is not a valid id: use 1 to 64 of the characters a-z, A-Z, 0-9, _ and -.`,
  );
}

/**
 * Writes a topic. Ids are checked, so a wildcard or a separator can never reach the broker.
 * @throws LichenError `id-invalid`.
 */
export function formatTopic(topic: Topic): string {
  const base = `${ROOT}/${checkedId('device', topic.device)}/${topic.kind}`;
  if ('task' in topic) return `${base}/${checkedId('task', topic.task)}`;
  if ('source' in topic) return `${base}/${checkedId('source', topic.source)}`;
  if ('verb' in topic) return `${base}/${checkedId('verb', topic.verb)}`;
  return base;
}

/** The filter by which a device receives its requests, every verb in one subscription. */
export function requestFilter(device: string): string {
  return `${ROOT}/${checkedId('device', device)}/request/+`;
}

/**
 * Takes a topic apart.
 * @returns undefined when the topic is not under `lichen/v1/`, and so none of our business.
 * @throws LichenError `topic-invalid` when it is, but is none of the contract's topics.
 */
export function parseTopic(topic: string): Topic | undefined {
  if (!topic.startsWith(`${ROOT}/`)) return undefined;
  const [device, kind, leaf, ...rest] = topic.slice(ROOT.length + 1).split('/');
  if (isId(device) && rest.length === 0) {
    if (leaf === undefined) {
      if (kind === 'state' || kind === 'metrics' || kind === 'event' || kind === 'result')
        return { kind, device };
    } else if (isId(leaf)) {
      if (kind === 'result' || kind === 'adapter') return { kind, device, task: leaf };
      if (kind === 'request' || kind === 'response') return { kind, device, verb: leaf };
      if (kind === 'picture') return { kind, device, source: leaf };
    }
  }
  throw new LichenError(
    'topic-invalid',
    `Topic ${JSON.stringify(topic)} is not one of ${ROOT}/<device>/ state, metrics, event, result, result/<task>, ` +
      'adapter/<task>, request/<verb>, response/<verb>, picture/<source> with ids of [a-zA-Z0-9_-].',
  );
}
