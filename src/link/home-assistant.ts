import { checkedId, formatTopic } from './topics.js';

/** What Home Assistant is told of a device. */
export interface DiscoveredDevice {
  device: string;
  /** Of the program. */
  version: string;
  /** The board, where it is known. */
  model?: string | undefined;
  /** Names of the tasks. */
  tasks: readonly string[];
  /** Names of the sources whose last picture is published; none where pictures stay on the device. */
  pictures?: readonly string[];
  /** Tasks whose packs are offered, where the device asks its owner before it installs one. */
  updates?: readonly string[];
  /** Ends the transactions of what cannot be written by a template; another one with every message. */
  announcement?: string;
}

/** What `auto` is called where the owner chooses the task. */
export const AUTO = 'auto';

/** One entity, in Home Assistant's own keys (not the short ones: a person may read them in an MQTT client). */
type Component = Record<string, unknown> & { platform: string; unique_id: string };

/** The topic of a device's discovery message. */
export const discoveryTopic = (prefix: string, device: string): string =>
  `${prefix}/device/lichen_${checkedId('device', device)}/config`;

/** Where Home Assistant says that it has started. */
export const birthTopic = (prefix: string): string => `${prefix}/status`;

/**
 * The discovery message of a device, one for all of its entities (Home Assistant's documentation, 'Device discovery
 * payload'; needs 2024.12 or newer). Every entity is unavailable while the device is offline.
 */
export function discoveryPayload(discovered: DiscoveredDevice): object {
  const { device, version, model, tasks, pictures = [], updates = [], announcement = '0' } = discovered;
  const unique = (name: string) => `lichen_${device}_${name}`;
  const metrics = formatTopic({ kind: 'metrics', device });
  const entries: [string, Component][] = [
    ...tasks.flatMap((task) => ofTask(device, task, unique)),
    ...updates.map((task, i): [string, Component] => [
      `${task}_update`,
      updateOf(device, task, unique, `${announcement}-${i}`),
    ]),
    ...pictures.map((source): [string, Component] => [
      `picture_${source}`,
      {
        platform: 'image',
        unique_id: unique(`picture_${source}`),
        name: `${source} picture`,
        image_topic: formatTopic({ kind: 'picture', device, source }),
        content_type: 'image/jpeg',
      },
    ]),
    [
      'active_task',
      {
        platform: 'select',
        unique_id: unique('active_task'),
        name: 'Active task',
        icon: 'mdi:target',
        entity_category: 'config',
        options: [AUTO, ...tasks],
        state_topic: metrics,
        value_template: `{{ value_json.activeTask if value_json.activeTask else '${AUTO}' }}`,
        command_topic: formatTopic({ kind: 'request', device, verb: 'select' }),
        command_template: request(`{% if value != '${AUTO}' %}, "task": "{{ value }}"{% endif %}`),
      },
    ],
    [
      'replay_memory',
      {
        ...diagnostic(unique('replay_memory'), 'Replay memory', metrics),
        icon: 'mdi:database',
        device_class: 'data_size',
        unit_of_measurement: 'B',
        value_template: '{{ value_json.replay.usedBytes }}',
      },
    ],
    [
      'process_memory',
      {
        ...diagnostic(unique('process_memory'), 'Memory of the program', metrics),
        icon: 'mdi:memory',
        device_class: 'data_size',
        unit_of_measurement: 'B',
        value_template: '{{ value_json.rssBytes }}',
      },
    ],
    [
      'temperature',
      {
        ...diagnostic(unique('temperature'), 'Temperature', metrics),
        device_class: 'temperature',
        unit_of_measurement: '°C',
        value_template: '{{ value_json.temperatureCelsius | default(none) }}',
      },
    ],
  ];
  return {
    device: {
      identifiers: [`lichen_${device}`],
      name: device,
      manufacturer: 'Lichen',
      ...(model && { model }),
      sw_version: version,
    },
    origin: { name: 'Lichen', sw_version: version },
    availability_topic: formatTopic({ kind: 'state', device }),
    availability_template: '{{ value_json.state }}',
    qos: 1,
    components: Object.fromEntries(entries),
  };
}

function ofTask(device: string, task: string, unique: (name: string) => string): [string, Component][] {
  const result = formatTopic({ kind: 'result', device, task });
  const asked = `, "task": "${task}"`;
  const own = `(value_json.tasks | selectattr('task', 'eq', '${task}') | first)`;
  const button = (name: string, verb: string, icon: string): Component => ({
    platform: 'button',
    unique_id: unique(`${task}_${verb}`),
    name,
    icon,
    entity_category: 'config',
    command_topic: formatTopic({ kind: 'request', device, verb }),
    command_template: request(asked),
  });
  return [
    [
      `${task}_label`,
      {
        platform: 'sensor',
        unique_id: unique(`${task}_label`),
        name: task,
        icon: 'mdi:tag',
        state_topic: result,
        // What automations hang on is the smoothed answer.
        value_template:
          "{% set s = value_json.smoothed %}{{ 'unsure' if not s.decided else ('novel' if s.label is none else s.label) }}",
        json_attributes_topic: result,
        json_attributes_template:
          '{{ {"answer": value_json.label, "probability": value_json.probability, "source": value_json.source} | tojson }}',
      },
    ],
    [
      `${task}_probability`,
      {
        ...diagnostic(unique(`${task}_probability`), `${task} probability`, result),
        unit_of_measurement: '%',
        value_template: '{{ (100 * value_json.smoothed.probability) | round(1) }}',
      },
    ],
    [
      `${task}_novel`,
      {
        platform: 'binary_sensor',
        unique_id: unique(`${task}_novel`),
        name: `${task} novel`,
        device_class: 'problem',
        state_topic: result,
        value_template:
          "{% set s = value_json.smoothed %}{{ 'ON' if s.decided and s.label is none else 'OFF' }}",
      },
    ],
    [
      `${task}_accuracy`,
      {
        ...diagnostic(
          unique(`${task}_accuracy`),
          `${task} accuracy`,
          formatTopic({ kind: 'metrics', device }),
        ),
        unit_of_measurement: '%',
        value_template: `{% set a = ${own}.accuracyHeldOut %}{{ none if a is none else (100 * a) | round(1) }}`,
      },
    ],
    [`${task}_train`, button(`Train ${task}`, 'train', 'mdi:school')],
    [`${task}_rollback`, button(`Roll ${task} back`, 'rollback', 'mdi:undo')],
  ];
}

/** What the owner decides on: the version that a task runs, and the one that was offered. */
function updateOf(device: string, task: string, unique: (name: string) => string, number: string): Component {
  const of = (list: string) => `(value_json.${list} | selectattr('task', 'eq', '${task}') | first)`;
  const runs = `{% set t = ${of('tasks')} %}{% set now = t.current | string if t is defined else 'none' %}`;
  const offered = `{% set o = ${of('offers')} %}{% set new = o.version | string if o is defined else now %}`;
  const summary = "'accuracy ' ~ (100 * o.accuracy) | round(1) ~ ' % where it was trained'";
  return {
    platform: 'update',
    unique_id: unique(`${task}_update`),
    name: `${task} adapter`,
    entity_category: 'config',
    state_topic: formatTopic({ kind: 'metrics', device }),
    value_template:
      `${runs}${offered}{{ {"installed_version": now, "latest_version": new, "title": "${task}", ` +
      `"in_progress": o.installing if o is defined else false, ` +
      `"release_summary": ${summary} if o is defined and o.accuracy is not none else none} | tojson }}`,
    command_topic: formatTopic({ kind: 'request', device, verb: 'install' }),
    // An update's command has no template, so that its transaction stands in the message: with each it is another one.
    payload_install: `{"v": 1, "transaction": "ha-install-${number}", "task": "${task}"}`,
  };
}

const diagnostic = (unique_id: string, name: string, state_topic: string): Component => ({
  platform: 'sensor',
  unique_id,
  name,
  entity_category: 'diagnostic',
  state_class: 'measurement',
  state_topic,
});

/** A request with a transaction of its own; `more` is what stands behind it. */
const request = (more: string): string =>
  `{"v": 1, "transaction": "ha-{{ (now().timestamp() * 1000) | int }}"${more}}`;
