import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { agentConfigSchema } from '../../src/agent/config.js';
import { loadConfig } from '../../src/config/load.js';
import { DemoFolder, freePorts, TASKS } from '../../src/demo/folder.js';
import { LichenError } from '../../src/errors.js';
import { hubConfigSchema } from '../../src/hub/config.js';
import { scratchFolder } from '../store/scratch.js';

const scratch = scratchFolder();

describe("the demo's folder", () => {
  it('is emptied only where an earlier demo made it', () => {
    const folder = new DemoFolder(scratch.path('demo'));
    folder.prepare();
    writeFileSync(folder.at('logs', 'old.log'), 'x');
    folder.prepare();
    expect(readdirSync(folder.at('logs'))).toEqual([]);
    mkdirSync(scratch.path('mine'));
    writeFileSync(scratch.path('mine', 'thesis.txt'), 'precious');
    const other = new DemoFolder(scratch.path('mine'));
    expect(() => other.prepare()).toThrow(LichenError);
    expect(() => other.prepare()).toThrow(
      /is not empty and was not made by the demo; choose another with --folder/,
    );
    expect(readFileSync(scratch.path('mine', 'thesis.txt'), 'utf8')).toBe('precious');
  });

  it('has settings that the programs accept, on this machine only', async () => {
    const folder = new DemoFolder(scratch.path('demo'));
    folder.prepare();
    const ports = await freePorts();
    folder.writeConfigs(ports, 4321);
    const hub = loadConfig(hubConfigSchema, folder.at('hub.yaml'), { env: {} });
    expect(hub).toMatchObject({
      mqtt: { host: '127.0.0.1', port: ports.mqtt },
      http: { host: '127.0.0.1', port: ports.http },
    });
    for (const name of ['cam1', 'cam2']) {
      const agent = loadConfig(agentConfigSchema, folder.at(`${name}.yaml`), { env: {} });
      expect(agent).toMatchObject({
        device: { id: name },
        mqtt: { url: 'mqtt://127.0.0.1:4321' },
        store: folder.at(name),
      });
    }
  });

  it('gets pictures by day as they are and by night made anew, training and test apart', async () => {
    const folder = new DemoFolder(scratch.path('demo'));
    folder.prepare();
    const [day, , night] = TASKS;
    const byDay = await folder.makePictures(day!, 0.05);
    const byNight = await folder.makePictures(night!, 0.05);
    expect([...new Set(byDay.train.map((p) => p.label))]).toHaveLength(5);
    expect(byNight.train.map((p) => p.label)).toEqual(byDay.train.map((p) => p.label));
    const files = [...byDay.train, ...byDay.test, ...byNight.train, ...byNight.test].map((p) => p.file);
    expect(new Set(files).size).toBe(files.length);
    expect(byNight.train.every((p) => p.file.startsWith(folder.at('night', 'train')))).toBe(true);
    expect(byNight.test.every((p) => p.file.startsWith(folder.at('night', 'test')))).toBe(true);
    // No picture is both taught and tested.
    const bytes = (part: typeof byDay.train) => part.map((p) => readFileSync(p.file).toString('hex'));
    expect(bytes(byDay.test).filter((b) => bytes(byDay.train).includes(b))).toEqual([]);
    folder.label(day!.name, byDay.train);
    expect(readdirSync(folder.at('inbox', 'tops')).sort()).toEqual(
      [...new Set(byDay.train.map((p) => p.label))].sort(),
    );
    expect(existsSync(folder.at('inbox', 'tops', byDay.train[0]!.label))).toBe(true);
  });
});
