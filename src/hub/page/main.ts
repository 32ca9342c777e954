/** Keeps the page up to date from the live stream; the entry of the page's script. */
export const mainScript = `
import { deviceCard } from './cards.js';
import { h, moment, replace } from './dom.js';
import { ago, integer, percent } from './format.js';
import { refreshPacks, setTargets } from './packs.js';

const MAX_CARDS = 200;
const MAX_EVENTS = 100;
const devices = new Map();
let events = [];
let totals = { devices: 0, online: 0, accepted: 0, doubles: 0, rejected: 0 };
let query = '';
let drawing = false;

const parts = Object.fromEntries(
  ['live', 'summary', 'filter', 'notice', 'devices', 'events'].map((id) => [id, document.getElementById(id)]),
);

const stream = new EventSource('/api/events');
stream.addEventListener('snapshot', ({ data }) => {
  const snapshot = JSON.parse(data);
  devices.clear();
  for (const device of snapshot.devices) devices.set(device.device, device);
  ({ events, totals } = snapshot);
  parts.live.textContent = 'live';
  parts.live.dataset.state = 'live';
  changed(null);
  refreshPacks();
});
stream.addEventListener('device', ({ data }) => {
  const device = JSON.parse(data);
  devices.set(device.device, device);
  changed(device.device);
});
stream.addEventListener('event', ({ data }) => {
  events = [JSON.parse(data), ...events].slice(0, MAX_EVENTS);
  changed(undefined);
});
stream.addEventListener('totals', ({ data }) => {
  totals = JSON.parse(data);
  changed(undefined);
});
stream.addEventListener('packs', () => refreshPacks());
stream.addEventListener('error', () => {
  parts.live.textContent = 'connection lost, trying again';
  parts.live.dataset.state = 'lost';
  // A browser gives up on some errors for good.
  if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
});

parts.filter.addEventListener('input', () => {
  query = parts.filter.value.trim().toLowerCase();
  changed(null);
});

setInterval(() => {
  for (const time of document.querySelectorAll('time[data-ago]')) time.textContent = ago(time.dateTime);
}, 5000);

/** What is to be drawn anew: the cards of these devices, or all of them. */
const pending = { all: false, cards: new Set() };

function changed(device) {
  if (device === null) pending.all = true;
  else if (device !== undefined) pending.cards.add(device);
  if (drawing) return;
  drawing = true;
  // At most once a frame, however fast changes come; a hidden page has no frames and need not be drawn at all.
  requestAnimationFrame(draw);
}

function draw() {
  drawing = false;
  const known = [...pending.cards].every((name) => card(name) !== undefined);
  if (pending.all || !known) drawDevices();
  else for (const name of pending.cards) drawCard(card(name), devices.get(name));
  pending.all = false;
  pending.cards.clear();
  drawSummary();
  drawEvents();
  setTargets([...devices.values()].filter(({ state }) => state === 'online').map(({ device }) => device).sort());
}

function card(name) {
  return [...parts.devices.children].find((element) => element.dataset.device === name);
}

function drawDevices() {
  const all = [...devices.values()].sort((a, b) => (a.device < b.device ? -1 : 1));
  const found = all.filter(matches);
  parts.filter.parentElement.hidden = all.length < 6;
  replace(parts.devices, ...found.slice(0, MAX_CARDS).map((device) => deviceCard(device, train)));
  if (all.length === 0) parts.devices.append(h('p', { class: 'empty big' }, 'No device has reported yet. Start one with \\u2018lichen agent\\u2019 and this hub as its broker.'));
  else if (found.length > MAX_CARDS) parts.devices.append(h('p', { class: 'empty' }, MAX_CARDS + ' of ' + integer(found.length) + ' shown: filter for the others.'));
  else if (found.length === 0) parts.devices.append(h('p', { class: 'empty' }, 'No device matches the filter.'));
}

function matches({ device, tasks, birth }) {
  const text = [device, birth?.profile ?? '', ...tasks.map(({ task }) => task)].join(' ').toLowerCase();
  return text.includes(query);
}

function drawCard(element, device) {
  const holder = h('div', {});
  const focused = element.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  replace(holder, deviceCard(device, train));
  const fresh = holder.firstChild;
  element.replaceWith(fresh);
  if (focused !== undefined) [...fresh.querySelectorAll('[data-key]')].find((one) => one.dataset.key === focused)?.focus();
}

function drawSummary() {
  const tasks = [...devices.values()].flatMap((device) => device.tasks);
  const measured = tasks.flatMap(({ metrics }) => metrics?.accuracyHeldOut ?? []);
  const mean = measured.reduce((sum, value) => sum + value, 0) / measured.length;
  const tiles = [
    ['Devices online', integer(totals.online), 'of ' + integer(totals.devices)],
    ['Tasks', integer(tasks.length), integer(tasks.filter(({ metrics }) => metrics?.closed).length) + ' closed'],
    ['Mean accuracy', measured.length === 0 ? '\\u2013' : percent(mean), 'on held-out samples'],
    ['Messages taken', integer(totals.accepted), integer(totals.doubles) + ' doubles, ' + integer(totals.rejected) + ' rejected'],
  ];
  replace(parts.summary, ...tiles.map(([name, figure, note]) => h('div', {}, h('dt', {}, name), h('dd', {}, figure, h('small', {}, note)))));
  document.title = totals.online + ' of ' + totals.devices + ' online \\u2013 Lichen hub';
}

function drawEvents() {
  const items = events.map((event) =>
    h(
      'li',
      { class: event.severity },
      h('span', { class: 'who' }, event.device),
      moment(event.at, ago(event.at)),
      h('span', { class: 'what' }, event.message),
    ),
  );
  if (items.length === 0) items.push(h('li', { class: 'empty' }, 'Nothing has happened yet.'));
  replace(parts.events, ...items);
}

async function train(device) {
  tell('Asking ' + device + ' to train');
  try {
    const response = await fetch('/api/devices/' + device + '/request/train', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ timeoutSeconds: 3600 }),
    });
    const answer = await response.json();
    if (response.ok) tell(device + ' finished its training.');
    else tell(answer.error.message, true);
  } catch {
    tell('The hub did not answer.', true);
  }
}

function tell(text, failed = false) {
  parts.notice.textContent = text;
  parts.notice.hidden = false;
  parts.notice.classList.toggle('failed', failed);
}
`;
