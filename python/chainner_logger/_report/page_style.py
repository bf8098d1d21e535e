"""How logs.html looks."""

STYLE = r"""
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --surface: #ffffff; --line: #d9dde3; --text: #1b2027; --muted: #58616d;
  --accent: #1a5fb4; --accent-soft: #dfeaf8; --mark: #ffe58a; --hover: #f3f6fa; --on-badge: #ffffff;
  --trace: #616a75; --debug: #0b6f80; --info: #27700f; --warning: #855c00; --error: #c01c28; --critical: #a3198a;
  --other: #58616d; --error-soft: #fdf0f0; --critical-soft: #fbeff9;
  --host: #1a5fb4; --worker: #6a4a00; --main: #6e3fb0; --renderer: #6e3fb0;
  --mono: ui-monospace, "Cascadia Mono", "JetBrains Mono", "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --row: 21px; --edge: 16px;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0d1014; --surface: #14181e; --line: #2a313b; --text: #d9dfe7; --muted: #929dab;
    --accent: #7cb3f5; --accent-soft: #1c2f49; --mark: #6b5500; --hover: #1a2028; --on-badge: #0d1014;
    --trace: #8d97a4; --debug: #4fc9da; --info: #74d06a; --warning: #e2b340; --error: #ff7f78; --critical: #f58bde;
    --other: #929dab; --error-soft: #2a1719; --critical-soft: #2a1628;
    --host: #7cb3f5; --worker: #d8b877; --main: #bb9af0; --renderer: #bb9af0;
  }
}
*, ::before, ::after { box-sizing: border-box; }
html, body { height: 100%; margin: 0; }
body { display: flex; flex-direction: column; overflow: auto; background: var(--page); color: var(--text); font: 13px/1.45 var(--sans); }
body > * { flex: none; }
button, input, select { font: inherit; color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.hidden { display: none !important; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
h1, h2, p { margin: 0; }
button {
  border: 1px solid var(--line); background: var(--surface); border-radius: 6px; padding: 2px 9px; min-height: 26px;
  cursor: pointer; white-space: nowrap;
}
button:hover:not(:disabled) { background: var(--hover); border-color: var(--muted); }
button:disabled { color: var(--muted); opacity: .55; cursor: default; }
button.quiet { border-color: transparent; background: none; color: var(--accent); }
button.quiet:hover:not(:disabled) { background: var(--accent-soft); }
button[aria-pressed=true]:not(.chip) { background: var(--accent-soft); border-color: var(--accent); color: var(--accent); }
kbd { font: 11px var(--mono); color: var(--muted); border: 1px solid var(--line); border-radius: 4px; padding: 0 4px; margin-left: 4px; }
.group { display: flex; align-items: center; gap: 4px; }

header { display: grid; grid-template-columns: auto 1fr auto; align-items: baseline; gap: 0 14px; padding: 9px var(--edge) 7px; }
h1 { font-size: 16px; font-weight: 650; letter-spacing: -.01em; white-space: nowrap; }
header p { min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
#origin { font-size: 14px; }
#origin b { font-weight: 650; }
#origin span { color: var(--muted); }
#summary { grid-row: 2; grid-column: 1 / -1; color: var(--muted); font-variant-numeric: tabular-nums; }

#problems { margin: 0 var(--edge) 8px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); overflow: hidden; }
#problems .bar { display: flex; align-items: center; gap: 6px 12px; padding: 5px 8px 5px 12px; border-bottom: 1px solid var(--line); }
h2 { font-size: 13px; font-weight: 650; white-space: nowrap; }
#problems h2 { flex: 1; overflow: hidden; text-overflow: ellipsis; }
#problems h2 span { color: var(--muted); font-weight: 400; }
#findings { display: grid; grid-template-columns: auto auto minmax(0, max-content) fit-content(44ch) minmax(max-content, 1fr) auto; max-height: 33vh; overflow-y: auto; }
#findings.more { mask-image: linear-gradient(to top, transparent, #000 28px); }
.finding {
  display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; align-items: baseline; gap: 0 14px; text-align: left;
  padding: 0 12px 0 9px; border: 0; border-left: 3px solid var(--tone); border-radius: 0; min-height: 32px; line-height: 32px;
}
.finding > * { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.finding + .finding { border-top: 1px solid var(--line); }
.finding:focus-visible { outline-offset: -2px; }
.finding .badge {
  justify-self: start; align-self: center; padding: 0 8px; border-radius: 9px; font-size: 11px; line-height: 18px; font-weight: 650;
  border: 1px solid var(--tone); color: var(--tone);
}
.finding.crash .badge, .finding.exception .badge { background: var(--tone); color: var(--on-badge); }
.finding .who, .finding time, .finding .times, .finding .where { color: var(--muted); font-variant-numeric: tabular-nums; }
.finding .what { font-weight: 600; }
.finding .where { font: 12px var(--mono); }
.finding .times b { color: var(--text); font-weight: 600; }
.finding.crash, .finding.exception { --tone: var(--critical); }
.finding.error { --tone: var(--error); }
.finding.killed { --tone: var(--warning); }
.finding[aria-current=true], .finding[aria-current=true]:hover { background: var(--accent-soft); }
.finding[aria-current=true] :is(.who, time, .times, .where) { color: var(--text); }
#nothing { grid-column: 1 / -1; color: var(--info); padding: 6px 12px; }

#time { position: relative; margin: 0 var(--edge); background: var(--surface); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
#chart { display: block; width: 100%; cursor: crosshair; touch-action: pan-y; }
#chart:focus-visible { outline-offset: -2px; }
#tip {
  position: absolute; top: 6px; pointer-events: none; background: var(--surface); border: 1px solid var(--line);
  border-radius: 6px; padding: 4px 8px; font-size: 12px; box-shadow: 0 2px 8px #0003; white-space: pre; z-index: 2;
  font-variant-numeric: tabular-nums;
}
#range { position: absolute; top: 4px; right: 6px; font-size: 12px; min-height: 22px; font-variant-numeric: tabular-nums; color: var(--accent); border-color: var(--accent); }

#filters { display: flex; align-items: center; gap: 6px 8px; padding: 8px var(--edge); }
#choices { position: relative; display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; min-width: 0; padding: 2px; }
#find { display: flex; align-items: center; flex: 1 1 170px; min-width: 0; max-width: 420px; position: relative; }
#find input {
  flex: 1; min-width: 0; height: 28px; padding: 0 64px 0 10px; border: 1px solid var(--line); border-radius: 6px;
  background: var(--surface);
}
#find input[aria-invalid=true] { border-color: var(--error); outline-color: var(--error); }
#find .toggles { position: absolute; right: 3px; display: flex; gap: 2px; }
#find .toggles button { min-height: 22px; padding: 0 6px; border-color: transparent; background: none; font: 12px var(--mono); color: var(--muted); }
#find .toggles button[aria-pressed=true] { background: var(--accent-soft); color: var(--accent); border-color: var(--accent); }
.chip { display: inline-flex; align-items: center; gap: 5px; padding: 1px 8px; border-radius: 13px; font-size: 12px; min-height: 25px; }
.chip i { font-style: normal; color: var(--muted); font-variant-numeric: tabular-nums; }
.chip[aria-pressed=false] { background: none; color: var(--muted); border-style: dashed; text-decoration: line-through; text-decoration-color: var(--line); }
.chip::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--tone, var(--muted)); }
.chip[aria-pressed=false]::before { background: none; border: 1px solid var(--muted); }
select { height: 26px; width: 120px; border: 1px solid var(--line); border-radius: 6px; background: var(--surface); padding: 0 4px; }
#matches { flex: none; width: 19ch; margin-left: auto; text-align: right; color: var(--muted); font-variant-numeric: tabular-nums; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }

main { flex: 1 0 0; min-height: 300px; display: flex; flex-direction: column; margin: 0 var(--edge) 12px; border: 1px solid var(--line); border-radius: 8px; background: var(--surface); overflow: hidden; }
#list { flex: 1; min-height: 80px; min-width: 0; overflow-y: auto; overflow-x: hidden; position: relative; contain: strict; font: 12.5px/var(--row) var(--mono); outline-offset: -2px; }
#list:focus-visible { outline-width: 1px; }
#list[aria-activedescendant]:focus-visible { outline: none; }
#rows { position: absolute; left: 0; right: 0; top: 0; }
.row { display: flex; height: var(--row); padding-left: 9px; border-left: 3px solid transparent; white-space: pre; cursor: default; }
.row > * { flex: none; overflow: hidden; text-overflow: ellipsis; }
.row:hover { background: var(--hover); }
.row .when { width: 13.5ch; color: var(--muted); }
.row .who { width: 16ch; padding-right: 1ch; color: var(--tone); }
.row .level { width: 9.5ch; color: var(--tone); font-weight: 600; }
.row .text { flex: 1 1 0; min-width: 0; }
.row .fold { margin: 0 8px; padding: 0 7px; min-height: 0; height: 17px; align-self: center; border-radius: 9px; font: 11px/15px var(--sans); color: var(--muted); }
.row.ERROR { background: var(--error-soft); border-left-color: var(--error); }
.row.CRITICAL { background: var(--critical-soft); border-left-color: var(--critical); }
.row.WARNING { border-left-color: var(--warning); }
.row.more { color: var(--text); }
.row.more .text { padding-left: 39ch; opacity: .92; }
.row.selected { background: var(--accent-soft); }
.row.selected .fold { color: var(--text); }
.label { display: flex; align-items: center; gap: 10px; height: var(--row); padding: 0 12px; font: 12px/var(--row) var(--sans); color: var(--muted); white-space: nowrap; overflow: hidden; }
.label > span { overflow: hidden; text-overflow: ellipsis; }
.label::after { content: ""; flex: 1 0 8px; border-top: 1px solid var(--line); }
.label.day b { color: var(--text); font-weight: 600; }
.label.gap::before { content: ""; width: 24px; border-top: 1px dashed var(--muted); }
.label.session { color: var(--tone); }
.label.crash { color: var(--critical); font-weight: 600; }
.label.open { color: var(--warning); }
mark { background: var(--mark); color: inherit; border-radius: 2px; }
#empty { padding: 40px; text-align: center; color: var(--muted); }

#detail { border-top: 1px solid var(--line); display: flex; flex-direction: column; max-height: 50%; min-height: 120px; background: var(--surface); }
#detail .bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 12px; padding: 6px 12px; border-bottom: 1px solid var(--line); }
#facts { flex: 1; color: var(--muted); min-width: 200px; font-variant-numeric: tabular-nums; }
#facts b { color: var(--tone); font-weight: 650; }
#raw { margin: 0; padding: 8px 12px; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; font: 12.5px/1.5 var(--mono); tab-size: 4; flex: 1; }
dialog { border: 1px solid var(--line); border-radius: 10px; background: var(--surface); color: var(--text); padding: 18px 22px; max-width: min(980px, 92vw); max-height: 84vh; overflow: auto; }
dialog::backdrop { background: #0006; }
dialog h2 { margin: 0 0 10px; font-size: 15px; }
dialog h2:focus-visible { outline: none; }
dialog pre { white-space: pre-wrap; overflow-wrap: anywhere; font: 12px/1.5 var(--mono); margin: 0 0 14px; }
dialog table { border-collapse: collapse; margin-bottom: 14px; }
dialog td { padding: 3px 18px 3px 0; vertical-align: top; }
dialog td:first-child { white-space: nowrap; }
#opening { margin: auto; color: var(--muted); text-align: center; padding: 24px; max-width: 60ch; }

@media (min-width: 1700px) {
  main { flex-direction: row; }
  #detail { width: clamp(600px, 30%, 860px); max-height: none; border-top: 0; border-left: 1px solid var(--line); }
  #facts { flex-basis: 100%; }
}
@media (max-width: 900px) {
  :root { --edge: 8px; }
  header { grid-template-columns: 1fr auto; }
  #origin { grid-row: 2; grid-column: 1 / -1; }
  #summary { grid-row: 3; }
  kbd, #problems h2 span, #previous, #next { display: none; }
  dialog kbd { display: inline; }
  button { padding: 2px 8px; font-size: 12px; }
  #summary { white-space: normal; font-size: 12px; }
  #problems .bar { gap: 6px; padding: 5px 6px 5px 10px; }
  #problems .bar button { padding: 2px 6px; }
  #findings { grid-template-columns: auto minmax(0, 1fr) auto; max-height: max(118px, 20vh); }
  .finding { gap: 0 10px; line-height: 24px; }
  .finding .what { grid-row: 1; grid-column: 2 / -1; }
  .finding :is(.who, .times, time) { grid-row: 2; font-size: 12px; line-height: 22px; }
  .finding .where { display: none; }
  #filters { flex-wrap: wrap; }
  #find { flex-basis: 140px; max-width: none; }
  #choices { order: 1; width: 100%; flex-wrap: nowrap; overflow-x: auto; scrollbar-width: none; }
  #choices > * { flex: none; }
  #choices.more { mask-image: linear-gradient(to left, transparent, #000 48px); }
  .row .level { order: 1; width: 9ch; }
  .row .who { order: 2; flex: 1; }
  .row .fold { order: 3; }
  .row .when { width: 13ch; }
  .row.head { font-size: 11.5px; box-shadow: inset 0 1px var(--line); }
  #raw { font-size: 11.5px; }
  .row.more .text { padding-left: 2ch; }
  #detail { max-height: 56%; }
  #facts { flex-basis: 100%; font-size: 12px; }
  #detail .bar { gap: 6px; }
  #close { margin-left: auto; }
}
"""
