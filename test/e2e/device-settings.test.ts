import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { freePorts } from '../../src/demo/folder.js';
import { Chromium, chromium } from '../hub/chromium.js';
import { Running } from './programs.js';

/** Where screenshots go, for docs/device-page.md; unset, none are made. */
const SCREENSHOTS = process.env.LICHEN_SCREENSHOTS;
const PASSWORD = 'lichen on the shed';

let folder: string;
let file: string;
let agent: Running;
let browser: Chromium;

beforeEach(async (context) => {
  if (!chromium.runs && process.env.CI === undefined) context.skip(chromium.reason);
  folder = mkdtempSync(join(tmpdir(), 'lichen-settings-'));
  file = join(folder, 'agent.yaml');
  mkdirSync(join(folder, 'inbox'));
  const ports = await freePorts();
  agent = new Running('agent', file, {
    device: { id: 'shed' },
    store: join(folder, 'store'),
    mqtt: { url: `mqtt://127.0.0.1:${ports.mqtt}` },
    http: { port: ports.http },
    webhooks: [{ url: 'http://127.0.0.1:9/hook', on: ['drift'], secret: 'geheim0123456789' }],
    sources: [{ kind: 'directory', path: join(folder, 'inbox') }],
  });
  await agent.logged('HTTP server listens');
  appendFileSync(file, '# Written by hand.\n');
  browser = await Chromium.open(`http://127.0.0.1:${ports.http}/`, { width: 390, height: 844 });
});
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') {
    const shown = await browser?.evaluate('location.hash + " " + document.body.innerText.slice(0, 3000)');
    console.log(`waited for ${browser?.awaited}\nthe page: ${shown}\nthe agent: ${agent?.log.slice(-2000)}`);
  }
  await browser?.close();
  if (agent?.alive) await agent.kill();
  rmSync(folder, { recursive: true, force: true });
});

const id = (name: string) => `[data-testid="${name}"]`;
const written = () => parse(readFileSync(file, 'utf8'));

async function picture(name: string, at: string): Promise<void> {
  if (!SCREENSHOTS) return;
  mkdirSync(SCREENSHOTS, { recursive: true });
  await browser.evaluate(`document.querySelector('${at}').scrollIntoView({ behavior: 'instant' })`);
  await browser.until(`document.querySelector('${id('toasts')}')?.children.length === 0`);
  await new Promise((next) => setTimeout(next, 900));
  const png = sharp(await browser.screenshot(false)).png({ palette: true, effort: 10 });
  await png.toFile(join(SCREENSHOTS, `device-${name}.png`));
}

it('a person changes lists of settings on a phone, and a secret that is not shown stays', async () => {
  await browser.type(id('first-password'), PASSWORD);
  await browser.type(id('first-again'), PASSWORD);
  await browser.click(id('first-submit'));
  await browser.until(`document.querySelector('${id('first-task-name')}') !== null`);
  await browser.evaluate(`location.hash = '#/settings'`);

  // A webhook is given another kind of news; its secret is neither shown nor lost.
  const hooks = id('setting-webhooks');
  const row = (n: number) => `${hooks} ${id('list-row')}:nth-child(${n})`;
  await browser.click(`${row(1)} summary`);
  await browser.click(`${row(1)} ${id('field-on')} label:nth-of-type(1) input`);
  expect(await browser.evaluate('document.documentElement.outerHTML')).not.toContain('geheim');
  await browser.click(`${hooks} ${id('list-save')}`);
  await browser.until(`document.querySelector('${hooks} ${id('list-save')}') === null`);
  expect(written().webhooks).toEqual([
    { url: 'http://127.0.0.1:9/hook', on: ['result', 'drift'], secret: 'geheim0123456789' },
  ]);

  // Another one, wrong at first: it is told at the field, and nothing is written.
  await browser.click(`${hooks} ${id('row-add')}`);
  await browser.type(`${row(2)} ${id('field-url')}`, 'home.local/hook');
  await browser.click(`${hooks} ${id('list-save')}`);
  await browser.until(
    `(document.querySelector('${row(2)} ${id('problem-url')}')?.textContent ?? '').includes('http')`,
  );
  expect(written().webhooks).toHaveLength(1);
  await picture('settings-list', hooks);
  await browser.type(`${row(2)} ${id('field-url')}`, 'http://home.local/hook');
  // By the keyboard: Enter in a field saves.
  await browser.press('Enter');
  await browser.until(`document.querySelector('${hooks} ${id('list-save')}') === null`);
  expect(written().webhooks[1]).toEqual({ url: 'http://home.local/hook' });

  // A source of another kind, with a group that is switched on.
  const sources = id('setting-sources');
  const source = `${sources} ${id('list-row')}:nth-child(2)`;
  await browser.evaluate(`(() => { const kind = document.querySelector('${sources} ${id('row-kind')}');
    kind.value = 'rpicam'; kind.dispatchEvent(new Event('change', { bubbles: true })); })()`);
  await browser.click(`${sources} ${id('row-add')}`);
  await browser.click(`${source} ${id('row-more')}`);
  await browser.type(`${source} ${id('field-name')}`, 'roof');
  await browser.click(`${source} ${id('field-trigger.motion')}`);
  await browser.type(`${source} ${id('field-trigger.motion.area')}`, '0.05');
  await picture('settings-source', `${source} ${id('field-name')}`);
  await browser.click(`${sources} ${id('list-save')}`);
  await browser.until(`document.querySelector('${sources} ${id('list-save')}') === null`);
  expect(written().sources[1]).toEqual({ kind: 'rpicam', name: 'roof', trigger: { motion: { area: 0.05 } } });

  // And taken out again.
  await browser.click(`${source} summary`);
  await browser.click(`${source} ${id('row-remove')}`);
  await browser.click(`${sources} ${id('list-save')}`);
  await browser.until(`document.querySelector('${sources} ${id('list-save')}') === null`);
  expect(written().sources).toHaveLength(1);
  expect(readFileSync(file, 'utf8')).toContain('# Written by hand.');

  // In Korean no description is left in English, and nothing is wider than the phone.
  await browser.evaluate(`(() => { const one = document.querySelector('${id('language')}');
    one.value = 'ko'; one.dispatchEvent(new Event('change', { bubbles: true })); })()`);
  await browser.evaluate(
    `document.querySelectorAll('${hooks} details, ${sources} details').forEach((d) => { d.open = true; })`,
  );
  const descriptions = `[...document.querySelectorAll('.setting-text > p.muted:not(:last-child), .setting.list .setting-text > p.muted, .list-field > p.muted')]
    .map((p) => p.textContent).filter((t) => !/[가-힣]/.test(t))`;
  expect(await browser.evaluate(descriptions)).toEqual([]);
  expect(await browser.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  await picture('settings-korean', row(1));
  expect(browser.complaints.filter((c) => !c.includes('status of 400'))).toEqual([]);
});
