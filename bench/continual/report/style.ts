/** Light and dark, for screens and print. */
export const style = `
:root { color-scheme: light dark; --ink: #1d2a30; --paper: #fbfaf7; --grid: #dcdfdc; --quiet: #5f6f76; --tone: 38%; --heat: 96 132 84; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8e6; --paper: #161b1d; --grid: #333b3e; --quiet: #98a5aa; --tone: 66%; --heat: 142 190 122; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1100px; padding: 24px 20px 60px; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 44px 0 2px; }
p { margin: 2px 0 12px; color: var(--quiet); }
nav a { display: inline-block; margin: 0 12px 4px 0; color: inherit; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
th, td { padding: 3px 12px 3px 0; text-align: right; border-bottom: 1px solid var(--grid); font-weight: normal; }
thead th { color: var(--quiet); font-size: 13px; cursor: help; }
th:first-child { text-align: left; }
th i { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 7px; background: var(--own); }
svg text { font-size: 11px; fill: var(--quiet); }
.curves { display: block; width: 100%; max-width: 860px; margin: 18px 0 8px; }
.curves .grid { stroke: var(--grid); } .curves polyline { fill: none; stroke: var(--own); stroke-width: 2; }
.curves circle { fill: var(--own); } .curves .name { fill: var(--own); }
.heats { display: flex; flex-wrap: wrap; gap: 20px; }
.heat { margin: 0; } .heat figcaption { font-size: 14px; } .heat svg { max-width: 100%; height: auto; }
.heat rect { fill: color-mix(in srgb, rgb(var(--heat)) var(--share), var(--grid)); }
.heat text.on { fill: var(--paper); } .heat text.off { fill: var(--ink); }
`;
