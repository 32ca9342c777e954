import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { freePorts } from '../../src/demo/folder.js';
import { MjpegServer } from '../capture/mjpeg-server.js';
import { ffmpeg } from '../capture/programs.js';
import { Chromium, chromium } from '../hub/chromium.js';
import { kinds } from './kinds.js';
import { Running } from './programs.js';

/** Where screenshots go, for docs/device-page.md; unset, none are made. */
const SCREENSHOTS = process.env.LICHEN_SCREENSHOTS;
const PASSWORD = 'lichen on the shed';

let folder: string;
let camera: MjpegServer;
let agent: Running;
let browser: Chromium;
let port: number;
let showing: NodeJS.Timeout | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lichen-page-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach(async (context) => {
  if (!ffmpeg.runs) context.skip(ffmpeg.reason);
  if (!chromium.runs && process.env.CI === undefined) context.skip(chromium.reason);
  camera = new MjpegServer();
  await camera.start();
  const ports = await freePorts();
  port = ports.http;
  agent = new Running('agent', join(folder, 'agent.yaml'), {
    device: { id: 'shed' },
    store: join(folder, 'store'),
    // There is no broker: everything works without.
    mqtt: { url: `mqtt://127.0.0.1:${ports.mqtt}` },
    http: { port },
    sources: [{ kind: 'ffmpeg', name: 'bench', input: camera.url, rate: 4, drop: { blurred: false } }],
    learn: { newLabels: 1000, epochs: 4 },
    guards: { minFreeMemory: '1 MiB', onBattery: true },
  });
  await agent.logged('HTTP server listens');
});
afterEach(async ({ task }) => {
  clearInterval(showing);
  if (task.result?.state === 'fail') {
    const shown = await browser?.evaluate('location.hash + " " + document.body.innerText');
    console.log(`waited for ${browser?.awaited}\nthe page: ${shown}\nthe agent: ${agent?.log.slice(-3000)}`);
  }
  await browser?.close();
  if (agent?.alive) await agent.kill();
  await camera?.stop();
});

/** Shows pictures to the camera in turn, each for a while, over and over. */
async function show(pictures: readonly Buffer[]): Promise<void> {
  clearInterval(showing);
  const frames = await Promise.all(
    pictures.map((p) => sharp(p).resize(320, 240, { fit: 'contain' }).jpeg({ quality: 92 }).toBuffer()),
  );
  let turn = 0;
  showing = setInterval(() => camera.send(frames[Math.floor(turn++ / 4) % frames.length]!), 100);
}

/** Shows one picture, and waits until it is what the page shows: for as long as four that were under way would take. */
async function showOne(picture: Buffer): Promise<void> {
  const sample = () => browser.evaluate(`document.querySelector('${id('stage')}')?.dataset.sample`);
  const before = await sample();
  await show([picture]);
  while ((await sample()) === before) await new Promise((next) => setTimeout(next, 50));
  for (let now = await sample(), last: unknown; now !== last; now = await sample()) {
    last = now;
    await new Promise((next) => setTimeout(next, 1000));
  }
}

const id = (name: string) => `[data-testid="${name}"]`;
const text = (name: string) => `document.querySelector('${id(name)}')?.textContent`;

async function picture(name: string, { width = 390, height = 844, dark = false } = {}): Promise<void> {
  if (!SCREENSHOTS) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await browser.resize(width, height, dark);
  await new Promise((next) => setTimeout(next, 900));
  const png = sharp(await browser.screenshot(false)).png({ palette: true, effort: 10 });
  await png.toFile(join(SCREENSHOTS, `device-${name}.png`));
  await browser.resize(390, 844);
}

it('a person sets a password, teaches three things, sees them recognized, corrects a mistake and trains', async () => {
  const { task, labels, of } = kinds();
  await show(of(0).slice(0, 12));
  browser = await Chromium.open(`http://127.0.0.1:${port}/`, { width: 390, height: 844 });

  // First start.
  await browser.type(id('first-password'), PASSWORD);
  await browser.type(id('first-again'), PASSWORD);
  await picture('first-start');
  await picture('first-start-desktop', { width: 1280, height: 800 });
  await browser.click(id('first-submit'));

  // Nothing is known yet.
  await browser.until(`document.querySelector('${id('first-task')}') !== null`);
  await browser.evaluate(`location.hash = '#/tasks'`);
  await browser.until(`document.querySelector('${id('new-task')}') !== null`);
  await picture('no-tasks');
  await picture('no-tasks-desktop', { width: 1280, height: 800 });
  await browser.click(id('new-task'));

  // Three classes from the camera's stream.
  await browser.type(id('first-task-name'), task);
  await browser.click(id('first-next'));
  for (const [i, label] of labels.slice(0, 3).entries()) {
    await show(of(i).slice(0, 12));
    await browser.type(id('first-class-name'), label);
    await browser.click(id('first-next'));
    await browser.click(id('count-10'));
    await browser.click(id('record'));
    await browser.until(`(${text('first-done')} ?? '').includes('10')`);
    if (i === 2) {
      await picture('teaching');
      await picture('teaching-desktop', { width: 1280, height: 800 });
    }
    await browser.click(id(i < 2 ? 'first-next' : 'first-finish'));
  }

  // A picture that it has never seen.
  const answered = (label: string) =>
    `document.querySelector('${id('answer')}')?.dataset.label === '${label}'`;
  for (const i of [1, 0, 2]) {
    await show(of(i).slice(20, 21));
    await browser.until(answered(labels[i]!));
  }
  // What did not change is counted, and said.
  await browser.until(`document.querySelector('${id('counts-bench')} [data-count="duplicates"]') !== null`);
  await picture('live');
  await picture('live-desktop', { width: 1280, height: 800 });
  await picture('live-dark', { dark: true });

  // Something new: it is told what it is until it knows one that it was not told of.
  const fourth = labels[3];
  let told = 0;
  for (const one of of(3)) {
    await showOne(one);
    if (await browser.evaluate(answered(fourth))) break;
    if (told++ === 0) {
      await browser.click(id('new-class'));
      await browser.type(id('naming-class'), fourth);
      await browser.click(id('naming-submit'));
    } else await browser.click(id(`class-${fourth}`));
    // The same picture is answered rightly at once, unless it is kept for testing.
    await browser.until(`${answered(fourth)} || (${text('learned')} ?? '').startsWith('Kept')`);
  }
  expect(told).toBeGreaterThan(0);
  expect(told).toBeLessThan(12);

  // A slip, undone.
  const samples = async () => {
    const url = `fetch('/api/overview').then((r) => r.json()).then((o) => o.tasks[0].samples)`;
    return (await browser.evaluate(url)) as number;
  };
  const before = await samples();
  await browser.click(id(`class-${labels[0]}`));
  await browser.until(`(${text('undo-what')} ?? '').includes('${labels[0]}')`);
  expect(await samples()).toBe(before + 1);
  await browser.click(id('undo'));
  while ((await samples()) !== before) await new Promise((next) => setTimeout(next, 50));

  // Questions about what it has not been told of.
  await show([...of(1).slice(24, 30), ...of(2).slice(24, 30), ...of(3).slice(24, 30)]);
  await browser.until(`fetch('/api/queue').then((r) => r.json()).then((q) => q.cards.length >= 3)`);
  await browser.evaluate(`location.hash = '#/questions'`);
  await browser.until(`document.querySelector('${id('card')}') !== null`);
  await picture('questions');
  await picture('questions-desktop', { width: 1280, height: 800 });
  const card = `document.querySelector('${id('card')}')?.dataset.sample`;
  const asked = await browser.evaluate(card);
  await browser.press('1');
  await browser.until(`${card} !== '${asked}'`);

  // Training.
  await browser.evaluate(`location.hash = '#/tasks/${task}'`);
  await browser.click(id('train'));
  await browser.until(
    `fetch('/api/tasks/${task}').then((r) => r.json()).then((t) => t.versions.length === 1 && !t.studying)`,
  );
  await browser.click(id('study-start'));
  await browser.until(`document.querySelector('${id('confusion')}') !== null`);
  // Messages go by themselves.
  await browser.until(`document.querySelector('${id('toasts')}')?.children.length === 0`);
  const pages = { task: `tasks/${task}`, tasks: 'tasks', privacy: 'privacy', settings: 'settings' };
  for (const width of [390, 1280]) {
    for (const [name, page] of Object.entries(pages)) {
      await browser.evaluate(`location.hash = '#/${page}'`);
      if (width === 390) await picture(name);
      else await picture(`${name}-desktop`, { width, height: name === 'task' ? 1500 : 800 });
    }
  }
  // And out.
  await browser.evaluate(`location.hash = '#/settings'`);
  await browser.click(id('logout'));
  await browser.until(`document.querySelector('${id('login')}') !== null`);
  await picture('login');
  await picture('login-desktop', { width: 1280, height: 800 });
  expect(browser.complaints).toEqual([]);
});
