import { describe, expect, it } from 'vitest';
import { birthTopic, discoveryPayload, discoveryTopic } from '../../src/link/home-assistant.js';
import { parsePayload, requestSchemas } from '../../src/link/schemas.js';

/** Keys of home-assistant.io, integrations mqtt, sensor.mqtt, binary_sensor.mqtt, button.mqtt, select.mqtt,
 * update.mqtt and image.mqtt. */
const ENTITY = ['platform', 'unique_id', 'name', 'icon', 'entity_category', 'json_attributes_topic'];
const KEYS: Record<string, readonly string[]> = {
  sensor: [
    ...ENTITY,
    ...['device_class', 'state_class', 'unit_of_measurement', 'state_topic', 'value_template'],
    'json_attributes_template',
  ],
  binary_sensor: [...ENTITY, 'device_class', 'state_topic', 'value_template', 'payload_on', 'payload_off'],
  button: [...ENTITY, 'device_class', 'command_topic', 'command_template', 'payload_press'],
  select: [...ENTITY, 'options', 'state_topic', 'value_template', 'command_topic', 'command_template'],
  update: [...ENTITY, 'state_topic', 'value_template', 'command_topic', 'payload_install', 'title'],
  image: [...ENTITY, 'image_topic', 'content_type', 'image_encoding'],
};
const REQUIRED: Record<string, readonly string[]> = {
  sensor: ['state_topic'],
  binary_sensor: ['state_topic'],
  button: ['command_topic'],
  select: ['command_topic', 'options'],
  // Without a command it would only show.
  update: ['state_topic', 'command_topic', 'payload_install'],
  image: ['image_topic'],
};
const DEVICE = [
  'identifiers',
  'name',
  'manufacturer',
  'model',
  'sw_version',
  'hw_version',
  'configuration_url',
];
const ROOT = ['device', 'origin', 'components', 'availability_topic', 'availability_template', 'qos'];

type Component = Record<string, string> & { options: string[] };

const payload = discoveryPayload({
  device: 'shed-1',
  version: '1.2.3',
  model: 'raspberry-pi-4',
  tasks: ['door', 'tiles'],
  pictures: ['yard'],
  updates: ['tiles', 'offered'],
  announcement: '7-3',
}) as {
  device: Record<string, unknown>;
  origin: Record<string, unknown>;
  availability_topic: string;
  components: Record<string, Component>;
};
const components = Object.entries(payload.components);

describe('the discovery message', () => {
  it('has no key that Home Assistant does not document, and all that it asks for', () => {
    expect(ROOT).toEqual(expect.arrayContaining(Object.keys(payload)));
    expect(DEVICE).toEqual(expect.arrayContaining(Object.keys(payload.device)));
    expect(payload.origin.name).toBe('Lichen');
    for (const [id, component] of components) {
      const { platform } = component;
      expect(KEYS[platform!], id).toEqual(expect.arrayContaining(Object.keys(component)));
      expect(Object.keys(component), id).toEqual(
        expect.arrayContaining(['platform', 'unique_id', 'name', ...REQUIRED[platform!]!]),
      );
    }
  });

  it('has the entities of every task, each by an id of its own', () => {
    for (const task of ['door', 'tiles']) {
      for (const entity of ['label', 'probability', 'novel', 'accuracy', 'train', 'rollback']) {
        expect(payload.components).toHaveProperty(`${task}_${entity}`);
      }
    }
    const ids = components.map(([, c]) => c.unique_id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(payload.components.active_task!.options).toEqual(['auto', 'door', 'tiles']);
  });

  it('lies on topics of the device’s own contract', () => {
    expect(discoveryTopic('homeassistant', 'shed-1')).toBe('homeassistant/device/lichen_shed-1/config');
    expect(birthTopic('homeassistant')).toBe('homeassistant/status');
    expect(payload.availability_topic).toBe('lichen/v1/shed-1/state');
    for (const [id, c] of components) {
      for (const topic of [c.state_topic, c.command_topic].filter((t) => t !== undefined)) {
        expect(topic, id).toMatch(/^lichen\/v1\/shed-1\/(metrics|result\/\w+|request\/\w+)$/);
      }
    }
  });

  it('asks what the device understands, each time with another transaction', () => {
    const rendered = (template: string, value: string) =>
      template
        .replace('{{ (now().timestamp() * 1000) | int }}', '1764000000123')
        .replace(/\{% if value != 'auto' %\}(.*?)\{% endif %\}/, value === 'auto' ? '' : '$1')
        .replaceAll('{{ value }}', value);
    for (const [id, c] of components) {
      if (!c.command_topic || c.platform === 'update') continue;
      const verb = c.command_topic.split('/').at(-1) as keyof typeof requestSchemas;
      for (const value of ['auto', 'door']) {
        const bytes = Buffer.from(rendered(c.command_template!, value));
        const asked = parsePayload(requestSchemas[verb], c.command_topic, bytes) as { task?: string };
        if (verb === 'select') expect(asked.task).toBe(value === 'auto' ? undefined : 'door');
        else expect(id.startsWith(asked.task!)).toBe(true);
      }
    }
  });

  it('has an entity for every task whose packs are offered; what it asks is another request each time', () => {
    const updates = components.filter(([, c]) => c.platform === 'update');
    expect(updates.map(([id]) => id)).toEqual(['tiles_update', 'offered_update']);
    const asked = updates.map(([, c]) =>
      parsePayload(requestSchemas.install, c.command_topic!, Buffer.from(c.payload_install!)),
    );
    expect(asked.map((a) => a.task)).toEqual(['tiles', 'offered']);
    expect(asked.map((a) => a.transaction)).toEqual(['ha-install-7-3-0', 'ha-install-7-3-1']);
  });

  it('shows pictures and updates only where it is told of some', () => {
    expect(payload.components.picture_yard).toMatchObject({
      platform: 'image',
      image_topic: 'lichen/v1/shed-1/picture/yard',
      content_type: 'image/jpeg',
    });
    const without = discoveryPayload({ device: 'shed-1', version: '1', tasks: ['door'] });
    expect(JSON.stringify(without)).not.toMatch(/picture|update/);
  });

  it('refuses a device whose name is no id', () => {
    expect(() => discoveryTopic('homeassistant', 'a/b')).toThrow(
      expect.objectContaining({ code: 'id-invalid' }),
    );
  });
});
