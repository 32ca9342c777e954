/** The page's look, in light and dark, from a phone's width up. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #f3f4ee;
  --surface: #ffffff;
  --raised: #f8f9f4;
  --ink: #1c241d;
  --muted: #5b675d;
  --line: #dde2d6;
  --track: #e6eadf;
  --moss: #3d7a50;
  --moss-ink: #2c6140;
  --moss-wash: #e3f0e3;
  --gold: #b97f14;
  --gold-wash: #fbf0d9;
  --rust: #b4492b;
  --rust-wash: #fbe6de;
  --sky: #3b6f97;
  --shadow: 0 1px 2px rgb(28 36 29 / 6%), 0 4px 16px rgb(28 36 29 / 5%);
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #10140f;
    --surface: #191f19;
    --raised: #1f261f;
    --ink: #e8ede5;
    --muted: #a0ad9f;
    --line: #2c352c;
    --track: #2a332a;
    --moss: #6fbf86;
    --moss-ink: #9ad8aa;
    --moss-wash: #1e3325;
    --gold: #e2b04a;
    --gold-wash: #352c16;
    --rust: #ee8a6a;
    --rust-wash: #3a211a;
    --sky: #82b6dd;
    --shadow: none;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body {
  margin: 0 auto;
  padding: 0 clamp(0.75rem, 2.5vw, 2rem) 3rem;
  max-width: 96rem;
  background: var(--ground);
  color: var(--ink);
  font: 0.9375rem/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif;
  font-variant-numeric: tabular-nums;
}
h1, h2, h3, p, dl, dd, ol, ul { margin: 0; padding: 0; }
ol, ul { list-style: none; }
small, time { color: var(--muted); font-size: 0.8125rem; }
:focus-visible { outline: 2px solid var(--moss); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--surface); padding: 0.5rem; z-index: 1; }

.top { display: flex; align-items: center; gap: 0.75rem; padding: 1.1rem 0; }
.top h1 { font-size: 1.375rem; font-weight: 650; letter-spacing: -0.01em; }
.top h1 span { color: var(--muted); font-weight: 400; }
.logo { display: block; }
.live { margin-left: auto; color: var(--muted); display: flex; align-items: center; gap: 0.5rem; }
.live::before { content: ''; width: 0.6rem; height: 0.6rem; border-radius: 50%; background: var(--gold); }
.live[data-state='live']::before { background: var(--moss); box-shadow: 0 0 0 4px var(--moss-wash); }
.live[data-state='lost']::before { background: var(--rust); }

.summary { display: grid; grid-template-columns: repeat(4, 1fr); gap: 0.75rem; margin-bottom: 1.5rem; }
.summary > div, .card, .panel {
  background: var(--surface);
  border: 1px solid var(--line);
  border-radius: 12px;
  box-shadow: var(--shadow);
}
.summary > div { padding: 0.75rem 1rem; }
.summary dt { color: var(--muted); font-size: 0.8125rem; }
.summary dd { font-size: 1.625rem; font-weight: 650; letter-spacing: -0.02em; line-height: 1.3; }
.summary dd small { font-weight: 400; letter-spacing: 0; margin-left: 0.5rem; }

.columns { display: grid; grid-template-columns: minmax(0, 1fr) minmax(18rem, 24rem); gap: 1.25rem; align-items: start; }
.heading { display: flex; align-items: baseline; gap: 1rem; margin-bottom: 0.6rem; min-height: 1.9rem; }
h2 { font-size: 1rem; font-weight: 650; }
.filter { margin-left: auto; color: var(--muted); font-size: 0.8125rem; }
.devices { display: grid; gap: 0.9rem; }
.side { display: grid; gap: 1rem; margin-top: 2.5rem; }
.panel { padding: 1rem; min-width: 0; }
.panel h2 { margin-bottom: 0.6rem; }

.card { padding: 1rem 1.1rem; min-width: 0; }
.card[data-state='offline'] { background: var(--raised); }
.card header { display: flex; align-items: start; justify-content: space-between; gap: 0.6rem; }
.card header div { display: flex; align-items: center; flex-wrap: wrap; gap: 0.1rem 0.6rem; min-height: 2rem; }
.card h3 { font-size: 1.0625rem; font-weight: 650; overflow-wrap: anywhere; }
.pill { font-size: 0.75rem; font-weight: 600; padding: 0.1rem 0.55rem; border-radius: 99px; }
.pill.online { background: var(--moss-wash); color: var(--moss-ink); }
.pill.offline { background: var(--track); color: var(--muted); }
.card header button { flex: none; }
.about { color: var(--muted); font-size: 0.8125rem; margin-top: 0.15rem; overflow-wrap: anywhere; }

.training {
  display: grid; grid-template-columns: 1fr auto; gap: 0.35rem 1rem; align-items: baseline;
  margin-top: 0.8rem; padding: 0.6rem 0.8rem; border-radius: 8px; background: var(--gold-wash);
}
.training .bar { grid-column: 1 / -1; }

.sources { margin-top: 0.7rem; display: grid; gap: 0.15rem; font-size: 0.8125rem; }
.sources li { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.1rem 0.6rem; color: var(--muted); }
.sources strong { color: var(--ink); font-weight: 600; overflow-wrap: anywhere; }
.sources time { margin-left: auto; }
.sources .why { flex-basis: 100%; overflow-wrap: anywhere; }
.sources .fails strong, .sources .why { color: var(--rust); }

.tasks { width: 100%; margin-top: 0.8rem; border-collapse: collapse; table-layout: fixed; }
.tasks th, .tasks td { text-align: left; font-weight: inherit; vertical-align: middle; padding: 0.5rem 1rem 0.5rem 0; }
.tasks thead th { color: var(--muted); font-size: 0.75rem; padding-block: 0.3rem; }
.tasks tr { border-bottom: 1px solid var(--line); }
.tasks th:nth-child(1) { width: 27%; }
.tasks th:nth-child(2) { width: 23%; }
.tasks th:nth-child(3) { width: 15%; }
.tasks th:nth-child(4) { width: 20%; }
.tasks th:last-child, .tasks td:last-child { text-align: right; padding-right: 0; }
.tasks small, .tasks time { display: block; overflow-wrap: anywhere; }
.name strong { overflow-wrap: anywhere; }
.tag { margin-left: 0.45rem; font-size: 0.6875rem; padding: 0.05rem 0.4rem; border-radius: 4px; border: 1px solid var(--line); color: var(--muted); }
.figure { display: block; font-weight: 650; font-size: 1.0625rem; margin-bottom: 0.2rem; }
.sparkline { display: block; width: 5.5rem; height: 1.5rem; overflow: visible; }
.sparkline polygon { fill: var(--moss); opacity: 0.14; }
.sparkline polyline { fill: none; stroke: var(--moss); stroke-width: 1.6; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
.sparkline circle { fill: var(--moss); }

.bar { display: block; height: 0.4rem; border-radius: 99px; background: var(--track); overflow: hidden; }
.fill { display: block; height: 100%; min-width: 2px; border-radius: 99px; background: var(--moss); transition: width 0.4s ease; }
.bar.weights { background: color-mix(in srgb, var(--moss) 32%, var(--track)); }
.bar.memory .fill { background: var(--sky); }
.bar.weights .fill, .bar.progress .fill { background: var(--gold); }
.gauges { display: grid; grid-template-columns: 1fr 1fr; gap: 0.8rem 1.6rem; margin-top: 0.9rem; }
.gauge { display: grid; grid-template-columns: auto 1fr; gap: 0.3rem 0.8rem; align-items: baseline; }
.gauge .bar { grid-column: 1 / -1; }
.number { text-align: right; color: var(--muted); font-size: 0.8125rem; }

.facts { display: flex; flex-wrap: wrap; gap: 0.3rem 1.4rem; margin-top: 0.9rem; font-size: 0.8125rem; }
.facts div { display: flex; gap: 0.4rem; }
.facts dt { color: var(--muted); }
.facts .warn dd { color: var(--rust); font-weight: 600; }

.events { max-height: 32rem; overflow: auto; font-size: 0.875rem; }
.events li { display: grid; grid-template-columns: 1fr auto; gap: 0 0.8rem; padding: 0.4rem 0 0.4rem 0.7rem; border-left: 3px solid var(--line); margin-bottom: 0.35rem; }
.events .warning { border-color: var(--gold); }
.events .error { border-color: var(--rust); }
.who { font-weight: 600; overflow-wrap: anywhere; }
.what { grid-column: 1 / -1; overflow-wrap: anywhere; white-space: pre-line; }

.pack { padding: 0.6rem 0; border-top: 1px solid var(--line); }
.pack header { display: flex; gap: 0.5rem; align-items: baseline; }
.pack header time { margin-left: auto; }
.pack li { font-size: 0.8125rem; margin-top: 0.3rem; padding-left: 0.7rem; border-left: 3px solid var(--line); overflow-wrap: anywhere; }
.pack .serving { border-color: var(--moss); }
.pack .refused, .pack .unanswered { border-color: var(--rust); }
.pack .sent, .pack .answered { border-color: var(--gold); }
.install { display: flex; gap: 0.5rem; margin-top: 0.5rem; }
.install select { flex: 1; min-width: 0; }
.upload { display: block; margin-top: 0.8rem; font-size: 0.8125rem; color: var(--muted); }
.upload input { display: block; margin-top: 0.3rem; max-width: 100%; color: var(--muted); font: inherit; }

button, select, input[type='search'], ::file-selector-button {
  font: inherit; font-size: 0.8125rem; color: var(--ink); background: var(--raised);
  border: 1px solid var(--line); border-radius: 7px; padding: 0.3rem 0.7rem; min-height: 2rem;
}
button, ::file-selector-button { cursor: pointer; font-weight: 550; }
::file-selector-button { margin-right: 0.7rem; }
button:hover:not(:disabled) { border-color: var(--moss); }
button:disabled { color: var(--muted); cursor: default; }
.notice { margin: 0 0 0.8rem; padding: 0.5rem 0.8rem; border-radius: 8px; background: var(--moss-wash); overflow-wrap: anywhere; }
.panel .notice { margin: 0.8rem 0 0; font-size: 0.875rem; }
.notice.failed { background: var(--rust-wash); }
.empty { color: var(--muted); font-size: 0.875rem; }
.card .empty { margin-top: 0.8rem; }
.empty.big { padding: 3rem 1rem; text-align: center; border: 1px dashed var(--line); border-radius: 12px; }

@media (max-width: 64rem) {
  .columns { grid-template-columns: minmax(0, 1fr); }
  .side { margin-top: 0; }
}
@media (max-width: 46rem) {
  .summary { grid-template-columns: 1fr 1fr; }
  .summary dd small { display: block; margin: 0; }
  .tasks, .tasks tbody, .tasks tr, .tasks td, .tasks tbody th { display: block; }
  .tasks thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .tasks tr { display: grid; grid-template-columns: minmax(0, 1.6fr) minmax(0, 1fr); gap: 0.5rem 1rem; padding: 0.7rem 0; }
  .tasks tbody th:nth-child(n), .tasks td:nth-child(n) { width: auto; padding: 0; }
  .tasks .trend { order: 1; justify-self: end; align-self: end; }
  .tasks .accuracy { order: 1; }
  .figure::after { content: ' on held-out samples'; font-size: 0.8125rem; font-weight: 400; color: var(--muted); }
  .tasks .name { order: 0; }
  .tasks .runs { order: 0; text-align: right; }
  .tasks td.last { order: 2; grid-column: 1 / -1; text-align: left; }
  .tasks .last time { display: inline; margin-left: 0.5rem; }
  .tasks .last:empty { display: none; }
  .gauges { grid-template-columns: 1fr; }
  button, select, input[type='search'] { min-height: 2.5rem; }
}
@media (prefers-reduced-motion: reduce) {
  .fill { transition: none; }
}
`;
