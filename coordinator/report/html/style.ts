/** The page's style sheet. Follows the reader's theme, has no fonts to load, and prints in light. */

import { colourVariables } from './palette.ts';

export const style = `
:root{color-scheme:light dark;${colourVariables('light')}}
@media (prefers-color-scheme:dark){:root{${colourVariables('dark')}}}
@media print{:root{${colourVariables('light')}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main,header,footer{max-width:57rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
h1{font-size:1.75rem;line-height:1.25;margin:.25rem 0 1rem;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.25rem;line-height:1.3;margin:3rem 0 .75rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{font-size:1.05rem;margin:2rem 0 .5rem}
p,ul,dl{margin:.5rem 0 1rem}
ul{padding-left:1.25rem}
a{color:var(--link)}
code{font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.kicker,.facts,figcaption,.quiet{color:var(--muted);font-size:.9rem}
.kicker{margin:0}
.answer{background:var(--panel);border-left:4px solid var(--inconclusive);border-radius:.25rem;padding:1rem 1.25rem;margin:0 0 1rem;font-size:1.15rem;line-height:1.5}
.answer.better{border-color:var(--better)}.answer.worse{border-color:var(--worse)}.answer.equivalent{border-color:var(--equivalent)}
.facts{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.15rem 1.25rem}
.broken{color:var(--worse);font-weight:600}.holds{color:var(--better);font-weight:600}
.scroll{overflow-x:auto}
.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums;margin:.5rem 0 1rem}
caption{text-align:left;color:var(--muted);font-size:.9rem;padding-bottom:.35rem}
th,td{text-align:left;padding:.4rem .75rem .4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
thead th{color:var(--muted);font-weight:500;font-size:.85rem;vertical-align:bottom}
tbody th{font-weight:500}
.number,thead th.number{text-align:right;white-space:nowrap}
.figure{white-space:nowrap}
.verdict{font-weight:600;white-space:nowrap}
.verdict.better{color:var(--better)}.verdict.worse{color:var(--worse)}.verdict.equivalent{color:var(--equivalent)}.verdict.inconclusive{color:var(--inconclusive);font-weight:400}
tr.headline th{font-weight:700}
figure{margin:1rem 0 1.75rem}
figcaption{margin-bottom:.6rem}
figcaption strong{display:block;color:var(--ink);font-size:1rem}
svg{display:block;width:100%;height:auto}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:0 1.5rem}
.pair h4{margin:.25rem 0;font-size:.92rem;font-weight:600}
.narrow{display:none}
details{margin:.5rem 0 1rem}summary{cursor:pointer;color:var(--link)}
.environment td{overflow-wrap:anywhere}.environment th{font-weight:400;overflow-wrap:anywhere;width:45%}
footer{padding:2rem 1.5rem 3rem;color:var(--muted);font-size:.85rem}
@media (max-width:40rem){
header{padding-top:1.5rem}main,header,footer{padding-left:1rem;padding-right:1rem}
h1{font-size:1.4rem}.answer{font-size:1.05rem}
.wide{display:none}.narrow{display:block}
.cards thead{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:hidden}
.cards,.cards tbody,.cards caption{display:block}
.cards tr{display:grid;grid-template-columns:1fr 1fr;gap:.1rem .75rem;padding:.6rem 0;border-bottom:1px solid var(--line)}
.cards th,.cards td{border:0;padding:0}
.cards th{grid-column:1;grid-row:1}.cards .verdict{grid-column:2;grid-row:1;text-align:right}
.cards td.number{text-align:left;white-space:normal}
.cards td.number:nth-child(5){grid-column:1/-1;order:1}
.cards td.number::before{content:attr(data-label) ": ";color:var(--muted)}
}
@media print{.narrow{display:none}.wide{display:block}figure,tr{break-inside:avoid}}
`;
