/** Small builders of page elements; a module of the page's script. Text is always set as text, never as markup. */
export const domScript = `
/** An element with attributes (on* are listeners, null leaves one out) and children (text or elements). */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function s(tag, attributes, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A bar that is full at 1. */
export function bar(share, label, kind) {
  const filled = h('span', { class: 'fill' });
  const part = Math.max(0, Math.min(1, share));
  // Through the object model: the page's policy forbids style attributes.
  filled.style.width = 100 * part + '%';
  return h(
    'span',
    { class: 'bar ' + kind, role: kind === 'progress' ? 'progressbar' : 'meter', 'aria-label': label,
      'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': (100 * part).toFixed(1) },
    filled,
  );
}

/** Accuracy over time: the newest sixty points, the scale from the lowest to 1. */
export function sparkline(points, label) {
  const shown = points.slice(-60).map(({ accuracy }) => accuracy);
  if (shown.length < 2) return null;
  const low = Math.min(...shown) - 0.02;
  const x = (i) => 2 + (i * 76) / (shown.length - 1);
  const y = (value) => 20 - (17 * (value - low)) / (1 - low);
  const path = shown.map((value, i) => x(i).toFixed(1) + ',' + y(value).toFixed(1)).join(' ');
  return s(
    'svg',
    { class: 'sparkline', viewBox: '0 0 80 22', role: 'img', 'aria-label': label },
    s('polygon', { points: '2,22 ' + path + ' 78,22' }),
    s('polyline', { points: path }),
    s('circle', { cx: x(shown.length - 1).toFixed(1), cy: y(shown.at(-1)).toFixed(1), r: '2' }),
  );
}

/** A time told relative to now; the page keeps it up to date. */
export function moment(iso, text) {
  return h('time', { datetime: iso, title: new Date(iso).toLocaleString(), 'data-ago': '' }, text);
}

/** Puts new content in place and keeps the focus on the element with the same data-key. */
export function replace(element, ...children) {
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  element.replaceChildren(...children);
  if (focused !== undefined) {
    [...element.querySelectorAll('[data-key]')].find((one) => one.dataset.key === focused)?.focus();
  }
}
`;
