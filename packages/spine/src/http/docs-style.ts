/** How /docs looks. The page has no script, and nothing is loaded from anywhere. */

export const docsStyle = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#ffffff, #14171a);
  --ink: light-dark(#1b1f24, #e4e7ea);
  --soft: light-dark(#5b6570, #98a2ad);
  --line: light-dark(#dde2e7, #2c3238);
  --code: light-dark(#f4f6f8, #1c2126);
  --accent: light-dark(#0b63b5, #6cb2f7);
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
.page { display: grid; grid-template-columns: 15rem minmax(0, 52rem); gap: 3rem; max-width: 74rem; margin: 0 auto; padding: 0 1.5rem; }
nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto; padding: 2rem 0; font-size: .875rem; }
nav ul { list-style: none; margin: .25rem 0 1rem; padding: 0; }
nav li a { display: block; padding: .1rem 0; }
nav strong { color: var(--soft); font-weight: 600; }
main { padding: 2rem 0 6rem; }
h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.2; }
h2 { margin: 3.5rem 0 1rem; padding-bottom: .35rem; border-bottom: 1px solid var(--line); font-size: 1.4rem; }
h3 { margin: 2.5rem 0 .25rem; font-size: 1.05rem; }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre { font: .875rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
pre { margin: .75rem 0; padding: .85rem 1rem; overflow-x: auto; background: var(--code); border: 1px solid var(--line); border-radius: 6px; }
pre code { user-select: all; }
.route { color: var(--soft); }
.route b { color: var(--ink); }
.scroll { overflow-x: auto; }
table { width: 100%; margin: .75rem 0; border-collapse: collapse; font-size: .9rem; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td:first-child { white-space: nowrap; }
.errors { font-size: .9rem; color: var(--soft); }
tr:target td { background: var(--code); }
li { margin: .2rem 0; }
@media (max-width: 60rem) { .page { display: block; } nav { position: static; max-height: none; padding-bottom: 0; } }
`
