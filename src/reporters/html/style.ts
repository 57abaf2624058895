/** Of the page. Colours of the phases keep 3:1 to their ground, text 4.5:1, by day and by night. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#faf8f4;--card:#fff;--ink:#211e1a;--soft:#655f57;--line:#e7e1d7;--grid:#f0ebe2;--code:#f4f0e8;
--units:#7c8390;--outset:#7a5fc7;--prepare:#c8721b;--activate:#0d8b7b;--converge:#c8721b;--verify:#2f6fd0;--open:#2b8f40;--end:#8d867c;
--good:#1d7432;--good-bg:#e4f4e6;--bad:#b3261e;--bad-bg:#fdecea;--warn:#8f4d00;--warn-bg:#fdf0dc;--focus:#2f6fd0;--bar-ink:#fff}
@media(prefers-color-scheme:dark){:root{--bg:#131418;--card:#1b1d23;--ink:#ece8e1;--soft:#a8a299;--line:#30333c;--grid:#25272f;--code:#25272f;
--units:#8b93a2;--outset:#a591f2;--prepare:#eda04a;--activate:#3cc4b0;--converge:#eda04a;--verify:#72a9f4;--open:#5cc878;--end:#857f77;
--good:#7ddc94;--good-bg:#17301e;--bad:#ff9b93;--bad-bg:#3a1a18;--warn:#f3bb6b;--warn-bg:#38290f;--focus:#72a9f4;--bar-ink:#131418}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;border-top:4px solid;
border-image:linear-gradient(90deg,var(--outset),var(--prepare) 45%,#f4c152 75%,var(--open)) 1}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2rem}
footer{padding-top:.5rem;padding-bottom:3rem;color:var(--soft);font-size:.87rem}
.brand{display:flex;align-items:center;gap:.6rem;margin:0 0 1.1rem;color:var(--soft);font-size:.87rem;letter-spacing:.02em}
.brand svg{fill:var(--prepare)}.brand .rays{fill:none;stroke:var(--prepare);stroke-width:1.6;stroke-linecap:round}
h1{margin:0 0 .6rem;font-size:2.1rem;line-height:1.15;font-weight:650;letter-spacing:-.022em;text-wrap:balance;overflow-wrap:anywhere}
h2{margin:0 0 .9rem;font-size:1.2rem;line-height:1.3;font-weight:620;letter-spacing:-.01em}
h3{margin:0 0 .35rem;font-size:1rem;font-weight:600}
p{margin:0 0 .8rem}
code,pre{font-family:ui-monospace,SFMono-Regular,"Cascadia Mono","Segoe UI Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.87em}
code{overflow-wrap:anywhere}
.soft{color:var(--soft)}
.hidden{position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.verdict{display:flex;flex-wrap:wrap;align-items:center;gap:.5rem .9rem;margin-bottom:1.4rem}
.badge{display:inline-block;padding:.16rem .7rem;border-radius:1rem;font-weight:600;font-size:.93rem;border:1px solid;overflow-wrap:anywhere}
.badge.good{color:var(--good);background:var(--good-bg)}.badge.bad{color:var(--bad);background:var(--bad-bg)}
.badge.warn{color:var(--warn);background:var(--warn-bg)}.badge.quiet{color:var(--soft);background:var(--card)}
.headline{color:var(--soft)}
.tiles{display:flex;flex-wrap:wrap;gap:.7rem;margin:0 0 1rem}
.tiles div{min-width:7rem;padding:.6rem 1rem .7rem;background:var(--card);border:1px solid var(--line);border-radius:.6rem;display:flex;flex-direction:column-reverse}
.tiles dt{color:var(--soft);font-size:.83rem}.tiles dd{margin:0;font-size:1.45rem;line-height:1.25;font-weight:600;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tiles .failed dd{color:var(--bad)}.tiles .changed dd,.tiles .pending dd,.tiles .unknown dd{color:var(--warn)}
section{margin:1.5rem 0;padding:1.4rem 1.5rem;background:var(--card);border:1px solid var(--line);border-radius:.8rem}
section>:last-child{margin-bottom:0}
.failure{border-color:var(--bad);border-left-width:.4rem}.failure h2{color:var(--bad)}
.failure article+article{margin-top:1.2rem;padding-top:1.2rem;border-top:1px solid var(--line)}
.failure article>:last-child{margin-bottom:0}
.failure .cause{font-size:1.07rem;overflow-wrap:anywhere}.failure .hint{padding:.6rem .9rem;background:var(--warn-bg);border-radius:.5rem;overflow-wrap:anywhere}
pre{margin:0 0 .9rem;padding:.8rem 1rem;background:var(--code);border-radius:.5rem;overflow:auto;max-height:32rem;line-height:1.5;white-space:pre}
.strip{margin-bottom:.7rem}
.pins{position:relative;height:.85rem}
.pin{position:absolute;bottom:0;width:0;height:0;margin-left:-.36rem;border:.36rem solid transparent;border-top:.55rem solid var(--soft);border-bottom:0}
.pin.opened{border-top-color:var(--open)}.pin.kept-closed,.pin.killed{border-top-color:var(--bad)}
.band{position:relative;height:1.7rem;border-radius:.4rem;background:var(--grid);overflow:hidden}
.band i{position:absolute;top:0;bottom:0;min-width:2px;border-right:1px solid var(--card)}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;margin:0 0 1.4rem;padding:0;list-style:none;font-size:.9rem;color:var(--soft)}
.legend b{color:var(--ink);font-weight:600;font-variant-numeric:tabular-nums}
.legend i{display:inline-block;width:.75rem;height:.75rem;margin-right:.45rem;border-radius:.2rem;vertical-align:-.06rem}
i.units{background-color:var(--units)}i.outset{background-color:var(--outset)}i.prepare{background-color:var(--prepare)}i.activate{background-color:var(--activate)}i.converge{background-color:var(--converge)}
i.verify{background-color:var(--verify)}i.open{background-color:var(--open)}i.end{background-color:var(--end)}
.scroll{overflow-x:auto;margin:0 -.4rem;padding:0 .4rem}
table{width:100%;border-collapse:collapse;font-size:.92rem}
caption{text-align:left;color:var(--soft);font-size:.87rem;padding-bottom:.7rem}
th,td{padding:.3rem .9rem .3rem 0;text-align:left;vertical-align:baseline;font-weight:400}
td:last-child,th:last-child{padding-right:0}
thead th{color:var(--soft);font-size:.83rem;font-weight:500;border-bottom:1px solid var(--line);vertical-align:bottom}
tbody tr{border-bottom:1px solid var(--grid)}
tfoot td,tfoot th{color:var(--soft);border-top:1px solid var(--line)}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
th em{font-style:normal;color:var(--soft)}
.waterfall{table-layout:fixed;min-width:46rem}
.waterfall thead th:nth-child(1){width:34%}.waterfall thead th:nth-child(2),.waterfall thead th:nth-child(3){width:5.4rem}
.waterfall tbody th{overflow-wrap:anywhere;line-height:1.35}
.waterfall .phase th,.waterfall .phase td{padding-top:.9rem;font-weight:600;font-size:.87rem}
.waterfall .rest td{color:var(--soft);font-size:.87rem}
.axis{position:relative;height:1.7rem}.axis span:not(.hidden){position:absolute;bottom:.25rem;white-space:nowrap;font-variant-numeric:tabular-nums;padding-left:.25rem;border-left:1px solid var(--line)}
.bar{position:relative;background-image:repeating-linear-gradient(90deg,var(--grid) 0 1px,transparent 1px var(--tick))}
table[data-open] .bar::after{content:"";position:absolute;top:-1px;bottom:-1px;left:var(--gate);border-left:2px dotted var(--open);pointer-events:none}
.bar i{position:absolute;top:50%;height:.82rem;margin-top:-.41rem;min-width:3px;border-radius:.18rem}
.bar i.beside{opacity:.45}
.bar i.failed{background-color:var(--bad)}
.bar i.cut{min-width:1.4rem;background-color:transparent;background-image:repeating-linear-gradient(-45deg,var(--bad) 0 4px,transparent 4px 8px)}
.bar b{position:absolute;top:50%;width:.62rem;height:.62rem;margin:-.31rem 0 0 -.31rem;transform:rotate(45deg);background:var(--soft);border-radius:1px;z-index:1}
.turn th{font-weight:600;font-size:.87rem}.turn.opened th{color:var(--good)}.turn.opened b{background:var(--open)}
.turn.kept-closed th,.turn.killed th{color:var(--bad)}.turn.kept-closed b,.turn.killed b{background:var(--bad)}
.turn.verified b{background:var(--verify)}
small{display:inline-block;padding:0 .45rem;border-radius:.7rem;font-size:.78rem;line-height:1.5;color:var(--soft);background:var(--code)}
small.changed,small.pending,small.unknown{color:var(--warn);background:var(--warn-bg)}small.failed,small.cut-off{color:var(--bad);background:var(--bad-bg)}
.slowest td:nth-child(2){white-space:nowrap}.slowest .share{width:30%}.share i{display:block;height:.6rem;min-width:2px;border-radius:.18rem}
.changes,.facts{margin:0;padding:0;list-style:none}
.changes>li{padding:.7rem 0;border-bottom:1px solid var(--grid)}.changes>li:first-child{padding-top:0}.changes>li:last-child{border:0;padding-bottom:0}
.changes p{margin:0 0 .15rem}
.sign{display:inline-block;width:1.35rem;height:1.35rem;margin-right:.35rem;border-radius:.3rem;text-align:center;line-height:1.3rem;font:600 .9rem/1.35rem ui-monospace,Menlo,Consolas,monospace;color:var(--warn);background:var(--warn-bg)}
.sign.made{color:var(--good);background:var(--good-bg)}.sign.removed{color:var(--bad);background:var(--bad-bg)}
.facts{padding-left:1.95rem;color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
details{margin-top:.3rem}.changes details{margin-left:1.95rem}
summary{cursor:pointer;width:fit-content;border-radius:.3rem;padding:.1rem .3rem;margin-left:-.3rem}
summary:hover{background:var(--code)}
details[open]>summary{margin-bottom:.5rem}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.diff span{display:block;min-width:max-content}
.diff{display:flex;flex-direction:column;font-size:.84rem}
.diff span{padding:0 .4rem;margin:0 -.4rem}
.diff .added{color:var(--good);background:var(--good-bg)}.diff .removed{color:var(--bad);background:var(--bad-bg)}.diff .place{color:var(--soft)}
summary .added{color:var(--good);font-weight:600}summary .removed{color:var(--bad);font-weight:600}
.outcome.changed,.outcome.pending,.outcome.unknown{color:var(--warn)}.outcome.failed{color:var(--bad);font-weight:600}.outcome.unchanged,.outcome.skipped{color:var(--soft)}
.all td:last-child{color:var(--soft);overflow-wrap:anywhere}
@media(max-width:44rem){header,main,footer{padding-left:1rem;padding-right:1rem}section{padding:1.1rem 1rem}h1{font-size:1.7rem}.tiles div{min-width:5.5rem;flex:1 1 auto}
.slowest .share{width:18%}.slowest tr>:nth-child(2){display:none}
.waterfall{min-width:0}.waterfall thead th:nth-child(1){width:44%}.waterfall thead th:nth-child(2){width:0}.waterfall thead th:nth-child(2),.waterfall tbody tr:not(.phase,.rest) td:nth-child(2){font-size:0;padding:0}.waterfall thead th:nth-child(3){width:4.6rem}.axis span:nth-of-type(odd):not(:nth-of-type(1)){display:none}}
@media print{:root{color-scheme:light;--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb;--grid:#e4e4e4;--code:#f4f4f4;--units:#7c8390;--outset:#7a5fc7;--prepare:#c8721b;--activate:#0d8b7b;--converge:#c8721b;
--verify:#2f6fd0;--open:#2b8f40;--end:#8d867c;--good:#1d7432;--good-bg:#e4f4e6;--bad:#b3261e;--bad-bg:#fdecea;--warn:#8f4d00;--warn-bg:#fdf0dc}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{font-size:10.5pt;border:0}header,main,footer{max-width:none;padding:0}section{border:0;border-radius:0;padding:0;margin:1.4rem 0}.failure{border-left:.4rem solid var(--bad);padding-left:1rem}
.scroll{overflow:visible}.waterfall{min-width:0}pre{max-height:none;overflow:visible;white-space:pre-wrap;overflow-wrap:anywhere}
tr,article,.changes>li>p{break-inside:avoid}h2,summary{break-after:avoid}thead{display:table-header-group}
.changes details::details-content{content-visibility:visible;block-size:auto}}
`
