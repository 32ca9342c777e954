import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { OrtEngine } from '../../src/engine/ort.js';
import { inspect } from '../../src/inspect/inspect.js';
import { inspectionHtml } from '../../src/inspect/page/page.js';
import type { Inspection } from '../../src/inspect/result.js';
import { Chromium, chromium } from '../hub/chromium.js';
import { chain, fileOf, weight, written } from './networks.js';

/** An inspection of a network with a skip connection and an operator without a rule. */
function looked(calibrate = false, cut?: string): Promise<Inspection> {
  const model = chain((b, x) => {
    const sum = b.op('Add', [b.op('Conv', [x, weight(b, [4, 4, 1, 1])], {}, 'inner'), x], {}, 'sum');
    const scale = b.scalar(0.1);
    return b.op('DequantizeLinear', [b.op('QuantizeLinear', [sum, scale], {}, 'q'), scale], {}, 'dq');
  });
  const file = written('page.onnx', model);
  return inspect(new OrtEngine(), file, { batch: 4, calibrate, cut }, (_, work) => work(() => {}));
}

describe('the page', () => {
  it('needs nothing from elsewhere', async () => {
    const html = inspectionHtml(await looked());
    expect(html).not.toMatch(/https?:|src=|@import|url\(|<link/);
    expect(html).toContain('prefers-color-scheme: dark');
  });

  it('has a box and a point for everything, and shows the cut without any script', async () => {
    const r = await looked(true, 'sum');
    const html = inspectionHtml(r);
    expect(html.match(/class="point/g)).toHaveLength(r.cuts.length);
    // A segment between two cuts each, and the one behind the last.
    expect(html.match(/<g class="box/g)).toHaveLength(r.cuts.length + 1);
    expect(html.match(/class="past"/g)).toHaveLength(1);
    expect(html.match(/<g class="box [^"]*blocks/g)).toHaveLength(2);
    expect(html.match(/<div class="facts" id="cut-\d+">/g)).toEqual([`<div class="facts" id="cut-3">`]);
    expect(html.match(/<g class="box crown[^"]*"/g)).toHaveLength(r.cuts.length - 3);
    for (const l of r.layers) expect(html).toContain(`<th scope="row">${l.output}</th>`);
    expect(html).toContain('QuantizeLinear');
    for (const s of r.calibration!.steps) expect(html).toContain(`<th scope="row">${s.tensor}</th>`);
  });

  it('is whole where nothing can be trained and nothing was measured', async () => {
    const r = await looked();
    const cuts = r.cuts.map((c) => ({
      ...c,
      trainable: false,
      latent: null,
      obstacle: 'a reason',
      stepSeconds: null,
    }));
    const html = inspectionHtml({ ...r, cuts, cut: null, cutBy: null });
    expect(html).toContain('No crown can be trained');
    expect(html).toContain('a reason');
    expect(html).not.toMatch(/undefined|NaN|null/);
  });

  it('takes names as text', async () => {
    const r = await looked();
    const evil = `<img src=x onerror=alert(1)>"'&`;
    const renamed = {
      ...r,
      file: evil,
      input: { ...r.input, name: evil },
      features: { ...r.features, name: evil },
      otherOutputs: [evil],
      layers: r.layers.map((l) => ({ ...l, output: evil, op: evil, blocks: evil })),
      cuts: r.cuts.map((c) => ({ ...c, tensor: evil, obstacle: evil })),
      cut: evil,
    };
    const html = inspectionHtml(renamed);
    expect(html).not.toContain('<img');
    expect(html).not.toMatch(/="[^"]*onerror=alert\(1\)>"'/);
  });
});

describe('the page in a browser', () => {
  let browser: Chromium | undefined;
  beforeEach((context) => {
    if (!chromium.runs) context.skip(chromium.reason);
  });
  afterEach(() => browser?.close());

  it.each([1200, 390])('shows everywhere what is chosen anywhere, at %i pixels', async (width) => {
    const r = await looked(false, 'sum');
    const file = fileOf('page.html', inspectionHtml(r));
    browser = await Chromium.open(`file://${file}`, { width });
    const chosen = () =>
      browser!.evaluate(`JSON.stringify({
        facts: [...document.querySelectorAll('.facts')].filter((f) => f.checkVisibility()).map((f) => f.querySelector('h3').firstChild.data.trim()),
        row: [...document.querySelectorAll('tr.chosen th')].map((t) => t.innerText),
        bars: new Set([...document.querySelectorAll('.bar.chosen')].map((b) => b.dataset.cut)).size,
        crown: document.querySelectorAll('.box.crown').length,
      })`);
    await browser.until("document.querySelectorAll('.point.chosen').length === 1");
    const at = (tensor: string, crown: number) =>
      JSON.stringify({ facts: [tensor], row: [tensor], bars: 1, crown });
    const boxes = r.cuts.length + 1;
    expect(await chosen()).toBe(at('sum', boxes - 4));
    await browser.evaluate('document.querySelector(\'.step[data-by="-1"]\').click()');
    expect(await chosen()).toBe(at('deep', boxes - 3));
    await browser.evaluate(
      "document.querySelector('.point[data-cut=\"0\"]').dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))",
    );
    expect(await chosen()).toBe(at('stem', boxes - 1));
    expect(await browser.evaluate('document.querySelector(\'.step[data-by="-1"]\').disabled')).toBe(true);
    await browser.evaluate(`document.querySelector('tr[data-cut="${r.cuts.length - 1}"] a').click()`);
    expect(await chosen()).toBe(at('pool', 1));
    // Nothing but tables, in their own boxes, is wider than the window.
    expect(await browser.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(browser.complaints).toEqual([]);
  });
});
