import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Backbone } from '../../src/backbone/backbone.js';
import { latentsOfFiles, sampleId } from '../../src/backbone/latents.js';
import { defaultManifest } from '../../src/backbone/manifest.js';
import { OrtEngine } from '../../src/engine/ort.js';
import { spawnTypeScript } from '../spawn-typescript.js';
import { scratchFolder } from '../store/scratch.js';

const FOLDER = resolve('models/demo-pictures/test/tops/shirt');
const FILES = readdirSync(FOLDER)
  .sort()
  .map((f) => `${FOLDER}/${f}`);
const PARENT = fileURLToPath(new URL('latents-parent.ts', import.meta.url));
const scratch = scratchFolder();

const ask = (files: readonly string[], action: string, manifest = defaultManifest()) =>
  spawnTypeScript(PARENT, [JSON.stringify({ manifest, files, batch: 2 }), action]);

const said = (output: string, kind: string): unknown[] =>
  output
    .split('\n')
    .filter((l) => l.startsWith(`${kind} `))
    .map((l) => JSON.parse(l.slice(kind.length + 1)));

describe('latents from a process of its own', () => {
  it('are the same bytes, with ids, reasons, progress and its memory', async () => {
    writeFileSync(scratch.path('bad.png'), 'no picture');
    const files = [...FILES.slice(0, 9), scratch.path('bad.png'), ...FILES.slice(9, 20)];
    const asked = ask(files, 'read');
    expect(await asked.ended).toBe(0);
    const engine = new OrtEngine();
    const backbone = await Backbone.open(defaultManifest(), engine);
    const trunk = await backbone.openTrunk(engine);
    const here = await latentsOfFiles(files, trunk, backbone.manifest.input, 2);
    await trunk.close();
    const hash = createHash('sha256');
    for (const l of here.latents) hash.update(l.latent);
    expect(said(asked.output(), 'read')).toEqual([
      {
        ids: here.latents.map((l) => l.id),
        hash: hash.digest('hex'),
        unreadable: here.unreadable,
        peakRssBytes: expect.any(Number),
      },
    ]);
    expect(here.unreadable).toMatchObject([{ file: scratch.path('bad.png') }]);
    expect(said(asked.output(), 'progress')).toEqual([16, 21]);
    const { peakRssBytes } = said(asked.output(), 'read')[0] as { peakRssBytes: number };
    expect(peakRssBytes).toBeGreaterThan(50e6);
    expect(peakRssBytes).toBeLessThan(2e9);
  });

  it('are in the order of the files where two processes share them', async () => {
    const files = Array.from({ length: 66 }, (_, i) => FILES[(7 * i) % 10]!);
    files[40] = scratch.path('none.png');
    const asked = ask(files, 'read');
    expect(await asked.ended).toBe(0);
    const [read] = said(asked.output(), 'read') as { ids: string[]; unreadable: { file: string }[] }[];
    const ids = files.filter((_, i) => i !== 40).map((f) => sampleId(readFileSync(f)));
    expect(read!.ids).toEqual(ids);
    expect(read!.unreadable).toMatchObject([{ file: scratch.path('none.png') }]);
    expect(said(asked.output(), 'progress').at(-1)).toBe(66);
  });

  it.skipIf(process.platform !== 'linux')(
    'end in a clear error when a process of two is killed',
    async () => {
      const asked = ask(Array.from({ length: 8 }, () => FILES).flat(), 'kill');
      await asked.ended;
      expect(said(asked.output(), 'failed')).toEqual([
        { code: 'latents-failed', message: 'reading the pictures failed: its process ended with SIGKILL' },
      ]);
    },
  );

  it.skipIf(process.platform !== 'linux')('end in a clear error when the process is killed', async () => {
    const asked = ask(FILES, 'kill');
    await asked.ended;
    expect(said(asked.output(), 'failed')).toEqual([
      { code: 'latents-failed', message: 'reading the pictures failed: its process ended with SIGKILL' },
    ]);
    expect(said(asked.output(), 'read')).toEqual([]);
  });

  it('end in what is wrong with the backbone', async () => {
    const asked = ask(FILES.slice(0, 2), 'read', scratch.path('none.json'));
    await asked.ended;
    const [failed] = said(asked.output(), 'failed') as { code: string; message: string }[];
    expect(failed).toMatchObject({ code: 'latents-failed' });
    expect(failed!.message).toMatch(
      /reading the pictures failed: cannot read the backbone's .*none\.json: ENOENT/,
    );
  });

  it.skipIf(process.platform !== 'linux')('leave no process behind when whoever asked is gone', async () => {
    const asked = ask(Array.from({ length: 8 }, () => FILES).flat(), 'hang');
    const children = JSON.parse((await asked.line('children ')).slice('children '.length)) as number[];
    expect(children.length).toBeGreaterThan(0);
    expect(children.every(runs)).toBe(true);
    asked.child.kill('SIGKILL');
    await asked.ended;
    // They used to stay for ever, with all of their memory.
    while (children.some(runs)) await sleep(20);
    expect(children.some(runs)).toBe(false);
  });
});

/** Whether a process is there and no zombie. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
