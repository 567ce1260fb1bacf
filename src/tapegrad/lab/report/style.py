"""The style of a report's page: a readable column, light and dark, on screen and on paper."""

__all__ = ["STYLE"]

STYLE = """\
:root {
  --ink: #1c1f23; --quiet: #5b6470; --paper: #fdfdfb; --line: #d9dce0; --tint: #f3f4f1; --accent: #0b5cad;
  --mark: #fff6dc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e6e6e3; --quiet: #a2a9b3; --paper: #16181b; --line: #363b42; --tint: #1f2226; --accent: #7db7f0;
    --mark: #332c17;
  }
  img { background: #fff; }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 2.5rem 1.25rem 5rem; max-width: 54rem; color: var(--ink); background: var(--paper);
  font: 1.02rem/1.65 "Source Serif 4", "Noto Serif", Charter, Georgia, "Songti SC", "Noto Serif CJK SC", SimSun, serif;
}
:lang(zh) body, html:lang(zh) body {
  font-family: Charter, Georgia, "Noto Serif CJK SC", "Source Han Serif SC", "Songti SC", SimSun, serif;
}
h1, h2, h3, h4, nav, table, figcaption, summary, .subtitle {
  font-family: "Inter", "Helvetica Neue", Arial, "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif;
}
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 .3rem; }
h2 { font-size: 1.6rem; margin: 3.2rem 0 .8rem; padding-bottom: .3rem; border-bottom: 2px solid var(--accent); }
h3 { font-size: 1.22rem; margin: 2.4rem 0 .6rem; }
h4 { font-size: 1.02rem; margin: 1.8rem 0 .4rem; color: var(--quiet); }
p { margin: .7rem 0; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
.subtitle { color: var(--quiet); margin: 0 0 2rem; overflow-wrap: anywhere; }
nav { background: var(--tint); border-radius: 8px; padding: 1rem 1.4rem; font-size: .93rem; }
nav h2 { font-size: .95rem; margin: 0 0 .4rem; border: 0; padding: 0; color: var(--quiet); }
nav ul { list-style: none; margin: 0; padding: 0; columns: 2; }
nav li { break-inside: avoid; }
nav .level2 { padding-left: 1.1rem; }
code { font: .88em/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace; overflow-wrap: anywhere; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; }
pre code { overflow-wrap: normal; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .9rem; line-height: 1.45; min-width: 40%; }
caption { white-space: nowrap; text-align: left; color: var(--quiet); padding-bottom: .4rem; }
th, td { padding: .32rem .8rem .32rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { border-bottom: 2px solid var(--line); color: var(--quiet); font-weight: 600; }
tbody th { font-weight: 500; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.centre { text-align: center; }
.value { text-decoration: underline dotted var(--line); text-underline-offset: 3px; cursor: help; }
.formulas { font-size: 1rem; min-width: 100%; }
.formulas td { border: 0; padding: .3rem .25rem; vertical-align: baseline; white-space: nowrap; }
.formulas .start td { border-top: 1px solid var(--line); }
.formulas .layer { color: var(--quiet); padding-right: .9rem; font-size: .9rem; }
.formulas .left { text-align: right; width: 1%; }
.formulas .right { width: 60%; }
.formulas .shape { color: var(--quiet); text-align: right; padding-left: 1rem; }
.formulas math[display="block"] { display: inline math; math-style: normal; }
math { font-family: "STIX Two Math", "Latin Modern Math", "Cambria Math", math; font-size: 1.05em; }
figure { margin: 1.6rem 0; text-align: center; }
img { max-width: 100%; height: auto; border-radius: 4px; }
figcaption { color: var(--quiet); font-size: .88rem; margin-top: .5rem; }
.note { background: var(--mark); border-left: 3px solid #d8a300; padding: .5rem .9rem; border-radius: 0 6px 6px 0; }
details { border: 1px solid var(--line); border-radius: 6px; padding: .5rem 1rem; margin: 1rem 0; }
summary { cursor: pointer; color: var(--accent); }
@media (max-width: 40rem) { nav ul { columns: 1; } caption { white-space: normal; } img { width: 100% !important; } }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; background: #fff; color: #000; }
  figure, tr, pre { break-inside: avoid; }
  h2, h3, h4 { break-after: avoid; }
  .wide { overflow: visible; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
