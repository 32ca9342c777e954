/** The page's look, in light and dark, from a phone's width up. */
export const style = `
:root {
  color-scheme: light dark;
  --page: #f4f6f3; --card: #fff; --raised: #f8f9f4; --ink: #1d2420; --soft: #5c6a61; --line: #d5dcd6;
  --trunk: #b9c3bb; --crown: #3f7d4e; --crown-ink: #2c6140; --wash: #e3f0e3; --knife: #b5651d; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #141a16; --card: #1d2420; --raised: #232b26; --ink: #e5ebe6; --soft: #9fafa4; --line: #38423b;
    --trunk: #4d5a51; --crown: #6fbf86; --crown-ink: #9ad8aa; --wash: #1e3325; --knife: #e2a24a; --bad: #ff8a80;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1180px; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.9rem; margin: 0 0 .3rem; overflow-wrap: anywhere; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 0 0 .4rem; }
h3 { font-size: 1.05rem; margin: 0; overflow-wrap: anywhere; } h3 span { font-size: .75rem; font-weight: 500; padding: .1rem .5rem; border-radius: 99px; background: var(--wash); color: var(--crown-ink); white-space: nowrap; }
.lead, section > p { color: var(--soft); max-width: 72ch; margin: 0 0 1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.2rem; margin-top: 1.2rem; }
.scroll { overflow-x: auto; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .8rem; margin-top: 1rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .8rem 1rem; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.2; } .tile span { color: var(--soft); font-size: .85rem; }
.columns { display: grid; grid-template-columns: minmax(0, 27rem) minmax(0, 1fr); gap: 2rem; align-items: start; }
.network { display: block; width: 100%; height: auto; }
.network text { font-size: 12px; fill: var(--ink); } .network .about { font-size: 11px; fill: var(--soft); }
.wire, .past { stroke: var(--soft); stroke-width: 1.5; fill: none; } .past { opacity: .75; }
.end { fill: var(--card); stroke: var(--soft); stroke-width: 1.5; }
.box rect { fill: var(--trunk); } .box.crown rect { fill: var(--crown); }
.box.blocks rect { stroke: var(--bad); stroke-width: 2.5; } .box.unknown rect { stroke: var(--bad); stroke-width: 1.5; stroke-dasharray: 4 3; fill-opacity: .4; }
.network .inside { font-size: 11px; text-anchor: middle; fill: var(--ink); opacity: .8; } .network .crown .inside { fill: var(--card); opacity: 1; }
.point { cursor: pointer; outline: none; } .target { fill: transparent; }
.dot { fill: var(--card); stroke: var(--soft); stroke-width: 1.5; }
.point:hover .dot, .point:focus-visible .dot { fill: var(--knife); stroke: var(--knife); }
.point:focus-visible .target { stroke: var(--knife); stroke-width: 1.5; }
.point.chosen .dot { fill: var(--knife); stroke: var(--knife); }
#knife line { stroke: var(--knife); stroke-width: 1.5; stroke-dasharray: 5 4; }
.side { position: sticky; top: 1rem; display: grid; gap: 1.2rem; min-width: 0; }
.panel { background: var(--raised); border: 1px solid var(--line); border-radius: 10px; padding: .9rem 1rem; }
.panel header { display: flex; align-items: center; gap: .5rem; color: var(--soft); font-size: .85rem; } .panel header span { flex: 1; }
button { font: inherit; font-size: .85rem; color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 7px; padding: .2rem .7rem; min-height: 2rem; cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--crown); } button:disabled { opacity: .45; cursor: default; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem 1rem; margin: .7rem 0 0; }
dt { color: var(--soft); font-size: .8rem; } dd { margin: 0; font-weight: 650; } dd small { display: block; font-weight: 400; color: var(--soft); font-size: .78rem; }
.facts .bad { margin: .6rem 0 0; font-size: .9rem; overflow-wrap: anywhere; }
.charts { display: grid; gap: .9rem; } figure { margin: 0; } figcaption { display: flex; justify-content: space-between; font-size: .85rem; margin-bottom: .2rem; } figcaption span { color: var(--soft); }
.chart { display: block; width: 100%; height: 64px; border-bottom: 1px solid var(--line); } .bar { cursor: pointer; }
.bar .value { fill: var(--trunk); } .bar:hover .value { fill: var(--soft); } .bar.chosen .value { fill: var(--knife); }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .8rem; margin: -.5rem 0 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } table.narrow { width: auto; min-width: 50%; }
th, td { text-align: left; padding: .3rem .7rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { font-weight: 600; color: var(--soft); font-size: .8rem; } tbody th { font-weight: 500; }
.n { text-align: right; } td:last-child { white-space: normal; padding-right: 0; } .soft { color: var(--soft); }
tr[data-cut] { cursor: pointer; } tr[data-cut]:hover { background: var(--raised); } tr.chosen, tr.chosen:hover { background: var(--wash); }
tbody th a { color: inherit; text-decoration: none; } tbody th a:hover { text-decoration: underline; }
code { font: .85em ui-monospace, monospace; } .bad { color: var(--bad); } ul { margin: 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
summary { cursor: pointer; font-size: 1.2rem; font-weight: 700; } details[open] summary { margin-bottom: .6rem; }
.key { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .85rem; color: var(--soft); margin: 0 0 .8rem; padding: 0; list-style: none; }
.key i { display: inline-block; width: .9rem; height: .7rem; border-radius: 3px; margin-right: .4rem; background: var(--trunk); } .key .c { background: var(--crown); } .key .p { width: .7rem; border-radius: 50%; background: var(--knife); } .key .b { background: none; border: 2px solid var(--bad); }
footer { color: var(--soft); font-size: .85rem; margin-top: 1.5rem; overflow-wrap: anywhere; }
@media (max-width: 52rem) {
  main { padding: 1.2rem .75rem 3rem; } section { padding: .9rem; }
  .tiles { grid-template-columns: 1fr 1fr; } .tile b { font-size: 1.25rem; } .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .columns { grid-template-columns: minmax(0, 1fr); gap: 1rem; }
  .side { display: contents; } .panel { position: sticky; top: 0; z-index: 1; order: -2; margin: 0 -.4rem; padding: .6rem .8rem; box-shadow: 0 4px 14px rgb(0 0 0 / 12%); } .charts { order: -1; }
  dl { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: .35rem .6rem; margin-top: .4rem; } dt, dd small { font-size: .7rem; line-height: 1.25; } dd { font-size: .85rem; line-height: 1.3; overflow-wrap: anywhere; }
  .charts .chart { height: 44px; } .axis span:nth-child(2) { display: none; }
  .network text { font-size: 13.5px; } .network .about { font-size: 12px; }
}
`;
