import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { latentBytes } from '../../src/backbone/latent.js';
import { ReplayMemory } from '../../src/replay/memory.js';
import { loadOrCreateKey } from '../../src/replay/vault.js';
import { lichen, type Ran } from './lichen.js';

const folder = mkdtempSync(join(tmpdir(), 'lichen-demo-'));
const work = join(folder, 'demo');
let ran: Ran;
beforeAll(async () => {
  ran = await lichen(['demo', '--fraction', '0.2', '--record', '--folder', work, '--json']);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Length of the pieces that are looked for: long enough that they cannot be there by chance. */
const PIECE = 24;

/** Every piece of the traffic, at every offset, as strings of bytes. */
function piecesOf(traffic: Buffer): Set<string> {
  const text = traffic.toString('latin1');
  const pieces = new Set<string>();
  for (let i = 0; i + PIECE <= text.length; i++) pieces.add(text.slice(i, i + PIECE));
  return pieces;
}

/** Whether any of some places of `secret` shows up in the traffic, as it is or as base64 or hex of it. */
function leaks(pieces: Set<string>, secret: Buffer): boolean {
  const forms = [secret.toString('latin1'), secret.toString('hex')];
  // Three alignments of base64.
  for (let shift = 0; shift < 3; shift++) forms.push(secret.subarray(shift).toString('base64'));
  return forms.some((form) => {
    for (let at = 0; at + PIECE <= form.length; at += PIECE) {
      const piece = form.slice(at, at + PIECE);
      // Long runs of one value (a black border, a channel that is off) say nothing.
      if (new Set(piece).size > 8 && pieces.has(piece)) return true;
    }
    return false;
  });
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((e) =>
    e.isDirectory() ? filesBelow(join(path, e.name)) : [join(path, e.name)],
  );
}

describe('the demo', () => {
  it('ends well, with summary and report', () => {
    expect({ code: ran.code, err: ran.code === 0 ? '' : ran.err }).toEqual({ code: 0, err: '' });
    const summary = JSON.parse(readFileSync(join(work, 'summary.json'), 'utf8'));
    expect(summary).toMatchObject(JSON.parse(ran.out));
    expect(summary.nothingForgotten).toBe(true);
    expect(summary.crash.samplesAfter).toBe(summary.crash.samplesBefore);
    expect(summary.outage).toMatchObject({ dropped: 0 });
    expect(summary.outage.arrived).toBe(summary.outage.reportsWhileAway);
    expect(summary.outage.distinct).toBe(summary.outage.reportsWhileAway);
    expect(summary.pack.accuracyOnSecond).toBe(summary.pack.accuracyOnFirst);
    for (const stage of summary.stages) {
      expect(stage.verified).toBe(true);
      expect(stage.replay.usedBytes).toBeLessThanOrEqual(stage.replay.capBytes);
    }
    const html = readFileSync(join(work, 'report.html'), 'utf8');
    expect(html).toContain('data:image/png;base64,');
    // Self-contained: nothing is fetched from anywhere.
    expect(html).not.toMatch(/(src|href)="https?:/);
  });

  it('never let a picture or a latent leave the device: all traffic was recorded and searched', () => {
    const traffic = Buffer.concat(['mqtt.traffic', 'http.traffic'].map((f) => readFileSync(join(work, f))));
    expect(traffic.length).toBeGreaterThan(50_000);
    const pieces = piecesOf(traffic);
    // The search finds what is there: what a device reported, and the adapter that travelled as base64.
    expect(leaks(pieces, Buffer.from('"kind":"training-started","severity":"info"'))).toBe(true);
    expect(leaks(pieces, readFileSync(join(work, 'tops.lichenpack')))).toBe(true);

    const pictures = [...filesBelow(join(work, 'inbox')), ...filesBelow(join(work, 'camera'))];
    expect(pictures.length).toBeGreaterThan(150);
    for (const file of pictures) {
      // After the header that all PNGs share.
      expect(leaks(pieces, readFileSync(file).subarray(45)), file).toBe(false);
    }
    const memory = ReplayMemory.open({
      file: join(work, 'cam1', 'replay.slab'),
      capBytes: 8 * 2 ** 20,
      latentBytes: latentBytes({ channels: 192, positions: 49 }),
      key: loadOrCreateKey(join(work, 'cam1', 'replay.key')),
      seed: 0,
    });
    const refs = memory.refs();
    expect(refs.length).toBeGreaterThan(100);
    for (const ref of refs) expect(leaks(pieces, Buffer.from(memory.read(ref))), ref.id).toBe(false);
    memory.close();
  });

  it('left no program running', () => {
    for (const name of ['hub', 'cam1', 'cam2']) {
      expect(existsSync(join(work, 'logs', `${name}.log`))).toBe(true);
      expect(readFileSync(join(work, 'logs', `${name}.log`), 'utf8')).toContain('stopping');
    }
  });
});
