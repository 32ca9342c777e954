/** The list of packs, their installs and the upload; a module of the page's script. */
export const packsScript = `
import { h, moment, replace } from './dom.js';
import { ago, bytes, percent, plural } from './format.js';

const element = document.getElementById('packs');
const notice = document.getElementById('packs-notice');
const chosen = new Map();
let packs = [];
let installs = [];
let devices = [];

export async function refreshPacks() {
  const response = await fetch('/api/packs');
  if (!response.ok) return;
  ({ packs, installs } = await response.json());
  draw();
}

/** Devices that can be sent a pack. */
export function setTargets(names) {
  if (names.join() === devices.join()) return;
  devices = names;
  draw();
}

document.getElementById('upload').addEventListener('change', async ({ target }) => {
  const [file] = target.files;
  if (file === undefined) return;
  tell('Uploading ' + file.name);
  const answer = await send('/api/packs', file, 'application/octet-stream');
  tell(answer.error ?? 'Uploaded ' + file.name + '.', answer.error !== undefined);
  target.value = '';
  await refreshPacks();
});

async function install(pack, device, name) {
  tell('Sending ' + name + ' to ' + device);
  const answer = await send('/api/devices/' + device + '/install', JSON.stringify({ pack }), 'application/json');
  tell(answer.error ?? device + ' took ' + name + '.', answer.error !== undefined);
  await refreshPacks();
}

async function send(url, body, type) {
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': type }, body });
    const answer = await response.json();
    return response.ok ? {} : { error: answer.error.message };
  } catch {
    return { error: 'The hub did not answer.' };
  }
}

function tell(text, failed = false) {
  notice.textContent = text;
  notice.hidden = false;
  notice.classList.toggle('failed', failed);
}

function draw() {
  if (packs.length === 0) {
    replace(element, h('p', { class: 'empty' }, 'None yet. \\u2018lichen pack\\u2019 makes one of a task.'));
    return;
  }
  replace(element, ...packs.map((pack) => packItem(pack)));
}

function packItem({ id, bytes: size, verified, manifest, uploadedAt }) {
  const name = manifest.task + ' version ' + manifest.version;
  const accuracy = manifest.metrics.heldOutAccuracy;
  return h(
    'article',
    { class: 'pack', 'aria-label': 'Pack ' + name },
    h('header', {}, h('strong', {}, manifest.task), h('span', {}, 'version ' + manifest.version), moment(uploadedAt, ago(uploadedAt))),
    h('small', {}, [
      manifest.isolation,
      plural(manifest.classes.length, 'class', 'classes'),
      typeof accuracy === 'number' ? percent(accuracy) : null,
      bytes(size),
      'key ' + manifest.signer.slice(0, 8) + (verified ? ' (trusted)' : ''),
    ].filter(Boolean).join(' \\u00b7 ')),
    targetChoice(id, name),
    h('ul', {}, installs.filter((one) => one.pack === id).slice(0, 8).map((one) => installItem(one))),
  );
}

function targetChoice(id, name) {
  if (devices.length === 0) return null;
  const choice = h(
    'select',
    { 'aria-label': 'Device to install ' + name + ' on', 'data-key': 'target-' + id, onchange: ({ target }) => chosen.set(id, target.value) },
    devices.map((device) => h('option', { value: device, selected: chosen.get(id) === device }, device)),
  );
  return h(
    'div',
    { class: 'install' },
    choice,
    h('button', { type: 'button', 'data-key': 'install-' + id, onclick: () => install(id, choice.value, name) }, 'Install'),
  );
}

function installItem({ device, state, serving, message, sentAt }) {
  const words = { sent: 'waiting for its answer', answered: 'answered, but runs something else', refused: 'refused', unanswered: 'no answer' };
  return h(
    'li',
    { class: serving ? 'serving' : state },
    h('strong', {}, device),
    ' ' + (serving ? 'runs it' : words[state]) + (message === null || serving ? '' : ': ' + message) + ' ',
    moment(sentAt, ago(sentAt)),
  );
}
`;
