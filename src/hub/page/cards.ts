/** The card of one device; a module of the page's script. */
export const cardsScript = `
import { bar, h, moment, sparkline } from './dom.js';
import { ago, bytes, duration, integer, percent, plural, servedVersion } from './format.js';

export function deviceCard(device, train) {
  const { metrics, birth, tasks } = device;
  return h(
    'article',
    { class: 'card', 'data-device': device.device, 'data-state': device.state, 'aria-label': device.device },
    h(
      'header',
      {},
      h(
        'div',
        {},
        h('h3', {}, device.device),
        h('span', { class: 'pill ' + device.state }, device.state),
        moment(device.since, ago(device.since)),
      ),
      trainButton(device, train),
    ),
    h('p', { class: 'about' }, about(device, birth)),
    metrics?.training ? training(metrics.training) : null,
    tasks.length > 0
      ? taskTable(tasks)
      : h('p', { class: 'empty' }, metrics === null ? 'It has reported no task.' : 'No task yet: label some samples on the device.'),
    sourceList(metrics?.sources ?? []),
    metrics === null ? null : h('div', { class: 'gauges' }, replay(metrics.replay), weights(metrics, tasks)),
    metrics === null ? null : facts(device, metrics),
  );
}

function trainButton(device, train) {
  if (device.state !== 'online') return null;
  const busy = device.metrics?.training !== undefined;
  return h(
    'button',
    { type: 'button', 'data-key': 'train-' + device.device, disabled: busy, 'aria-label': 'Train ' + device.device + ' now',
      onclick: () => train(device.device) },
    busy ? 'Training' : 'Train now',
  );
}

function about(device, birth) {
  const parts = [];
  if (birth !== null) {
    parts.push(birth.profile ?? 'no board profile', 'Lichen ' + birth.versions.program, 'Node ' + birth.versions.node,
      'ONNX Runtime ' + birth.versions.onnxruntime);
  }
  parts.push('start ' + device.boot);
  return parts.join(' \\u00b7 ');
}

function training({ task, epoch, epochs, loss }) {
  return h(
    'div',
    { class: 'training' },
    h('span', {}, 'Learning ', h('strong', {}, task), ': epoch ' + epoch + ' of ' + epochs),
    h('span', { class: 'number' }, 'loss ' + loss.toFixed(3)),
    bar(epochs === 0 ? 0 : epoch / epochs, 'Training of ' + task, 'progress'),
  );
}

function taskTable(tasks) {
  const columns = ['Task', 'Held-out accuracy', 'Trend', 'Runs', 'Last answer'];
  return h(
    'table',
    { class: 'tasks' },
    h('thead', {}, h('tr', {}, columns.map((column) => h('th', { scope: 'col' }, column)))),
    h('tbody', {}, tasks.map((task) => taskRow(task))),
  );
}

function taskRow({ task, metrics, adapter, lastResult, curve }) {
  const accuracy = metrics?.accuracyHeldOut ?? adapter?.accuracy ?? null;
  // What the device announced is what it runs; its metrics may be a little older.
  const version = adapter?.version ?? metrics?.current;
  const size = adapter?.bytes ?? metrics?.adapterBytes ?? 0;
  const isolation = version === 'instant' ? 'discriminant' : metrics?.isolation;
  return h(
    'tr',
    {},
    h(
      'th',
      { scope: 'row', class: 'name' },
      h('strong', {}, task),
      metrics?.closed ? h('span', { class: 'tag', title: 'Closed for good: its answers never change' }, 'closed') : null,
      h('small', { title: metrics?.classes.join(', ') },
        metrics === null ? '' : plural(metrics.classes.length, 'class', 'classes') + ', ' + plural(metrics.samples, 'sample')),
    ),
    h(
      'td',
      { class: 'accuracy' },
      accuracy === null
        ? h('small', {}, 'nothing held out yet')
        : [h('span', { class: 'figure' }, percent(accuracy)), bar(accuracy, 'Accuracy of ' + task + ' on held-out samples', 'quality')],
    ),
    h('td', { class: 'trend' }, sparkline(curve, 'Accuracy of ' + task + ' over time')),
    h(
      'td',
      { class: 'runs' },
      h('span', {}, version === undefined ? 'unknown' : servedVersion(version)),
      h('small', {}, [isolation, size > 0 ? bytes(size) : null].filter(Boolean).join(', ')),
    ),
    h(
      'td',
      { class: 'last' },
      lastResult === null
        ? null
        : [h('span', {}, (lastResult.label ?? 'novel') + ' ' + percent(lastResult.probability, 0)), moment(lastResult.at, ago(lastResult.at))],
    ),
  );
}

/** One line a source: what came, what was answered, what was dropped and why, and what is wrong. */
function sourceList(sources) {
  if (sources.length === 0) return null;
  return h('ul', { class: 'sources', 'aria-label': 'Sources' }, sources.map((source) => sourceLine(source)));
}

function sourceLine({ source, kind, frames, delivered, duplicates, blurred, dropped, bad, restarts, lastError, lastErrorAt, lastFrameAt }) {
  // An error that came before the newest picture is over.
  const fails = lastError !== null && (lastFrameAt === null || Date.parse(lastErrorAt) > Date.parse(lastFrameAt));
  const counts = [
    plural(frames, 'picture'),
    integer(delivered) + ' delivered',
    ...[[duplicates, 'duplicates'], [blurred, 'blurred'], [dropped, 'dropped'], [bad, 'bad'], [restarts, 'restarts']]
      .filter(([count]) => count > 0)
      .map(([count, what]) => integer(count) + ' ' + what),
  ];
  return h(
    'li',
    { class: fails ? 'fails' : null, title: lastError },
    h('strong', {}, source),
    h('small', {}, kind),
    h('span', {}, counts.join(' \\u00b7 ')),
    lastFrameAt === null ? h('small', {}, 'none yet') : moment(lastFrameAt, ago(lastFrameAt)),
    fails ? h('small', { class: 'why' }, lastError) : null,
  );
}

function replay({ usedBytes, capBytes, samples }) {
  return h(
    'div',
    { class: 'gauge' },
    h('span', {}, 'Replay memory'),
    h('span', { class: 'number' }, bytes(usedBytes) + ' of ' + bytes(capBytes) + ', ' + plural(samples, 'sample')),
    bar(capBytes === 0 ? 0 : usedBytes / capBytes, 'Replay memory in use', 'memory'),
  );
}

function weights({ backboneBytes }, tasks) {
  const adapters = tasks.reduce((sum, { adapter, metrics }) => sum + (adapter?.bytes ?? metrics?.adapterBytes ?? 0), 0);
  const whole = adapters + backboneBytes;
  return h(
    'div',
    { class: 'gauge' },
    h('span', {}, 'Adapters'),
    h('span', { class: 'number' }, bytes(adapters) + ' beside ' + bytes(backboneBytes) + ' of backbone'),
    bar(whole === 0 ? 0 : adapters / whole, 'Adapters as a share of the weights', 'weights'),
  );
}

function facts(device, metrics) {
  const { outbox } = metrics;
  const entries = [
    ['Agent memory', bytes(metrics.rssBytes) + ', peak ' + bytes(metrics.peakRssBytes)],
    ['Up', duration(metrics.uptimeSeconds)],
    ['Written to disk', bytes(metrics.diskWrittenBytes)],
    ['Outbox', outbox.messages === 0 ? 'empty' : plural(outbox.messages, 'message') + ', ' + bytes(outbox.bytes)],
  ];
  for (const offer of metrics.offers ?? []) entries.push(['Waits for its owner', offer.task + ' version ' + offer.version]);
  if (outbox.dropped > 0) entries.push(['Dropped', plural(outbox.dropped, 'message'), 'warn']);
  if (device.messages.rejected > 0) entries.push(['Rejected', integer(device.messages.rejected), 'warn']);
  return h('dl', { class: 'facts' }, entries.map(([name, value, kind]) => h('div', { class: kind }, h('dt', {}, name), h('dd', {}, value))));
}
`;
