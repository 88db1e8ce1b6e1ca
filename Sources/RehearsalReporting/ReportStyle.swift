internal import Pictures

/// The colours are those of the pictures, whose contrast a test computes. Nothing is said by colour alone.
let reportStyle: String = {
  func variables(_ scheme: Scheme) -> String {
    var text = "--page:\(scheme.page);--text:\(scheme.text);--quiet:\(scheme.quiet);--line:\(scheme.line);"
    text += "--box:\(scheme.box);--faint:\(scheme.dark);"
    for (n, accent) in scheme.accents.enumerated() { text += "--a\(n):\(accent.line);--g\(n):\(accent.ground);" }
    return text
  }
  return """
    :root{\(variables(.light))--bad:#b3261e;--bad-ground:#fff0ee;color-scheme:light dark}
    @media (prefers-color-scheme:dark){:root{\(variables(.dark))--bad:#ff8d85;--bad-ground:#2c1414}}
    \(rules)
    """
}()

private let rules = """
  *{box-sizing:border-box}
  html{scroll-padding-top:1rem}
  body{margin:0 auto;max-width:76rem;padding:1.5rem;background:var(--page);color:var(--text);
  font:16px/1.5 system-ui,-apple-system,"Segoe UI",Helvetica,Arial,"Liberation Sans",sans-serif}
  h1,h2,h3,h4{line-height:1.25;margin:0 0 .5rem;overflow-wrap:anywhere}
  h1{font-size:2.2rem}
  h2{font-size:1.5rem}
  h3{font-size:1.1rem;margin-top:1.75rem}
  h4{font-size:.95rem;margin:1rem 0 .25rem}
  p{margin:.25rem 0 .75rem;overflow-wrap:anywhere}
  a{color:var(--a0)}
  :focus-visible{outline:3px solid var(--a0);outline-offset:2px}
  .skip{position:absolute;left:-99rem}
  .skip:focus{left:1rem;top:1rem;background:var(--page);padding:.5rem 1rem;z-index:1}
  .kicker{margin:0;text-transform:uppercase;letter-spacing:.12em;font-size:.8rem;color:var(--quiet)}
  .quiet{color:var(--quiet)}
  .good{color:var(--a1)}
  .bad{color:var(--bad)}
  .back{color:var(--a3)}
  .verdict{font-weight:600;font-size:1.1rem}
  .tiles{display:flex;flex-wrap:wrap;gap:.75rem;margin:1rem 0}
  .tiles div{display:flex;flex-direction:column-reverse;justify-content:flex-end;min-width:7.5rem;padding:.6rem 1rem;
  border:1px solid var(--faint);border-radius:.5rem;background:var(--box)}
  .tiles dt{font-size:.85rem;color:var(--quiet)}
  .tiles dd{margin:0;font-size:1.6rem;font-weight:600;line-height:1.2;font-variant-numeric:tabular-nums}
  nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.4rem 1.5rem;margin:0;padding:.6rem 0;
  border-block:1px solid var(--faint)}
  section{margin-top:2.5rem;padding-top:1rem}
  section+section{border-top:2px solid var(--faint)}
  article{margin-top:1.5rem;padding:1rem 1.25rem;border:1px solid var(--faint);border-radius:.6rem}
  article h3{margin-top:0}
  figure{margin:.5rem 0 1rem}
  figcaption{display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;margin-top:.4rem;font-size:.85rem;color:var(--quiet)}
  code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.86rem}
  code{padding:.1rem .35rem;border-radius:.25rem;background:var(--box);color:var(--text);overflow-wrap:anywhere}
  .expectations,.changes{list-style:none;padding:0;margin:.25rem 0 .75rem}
  .expectations li{margin:.15rem 0}
  .expectations li code{margin-right:.6rem}
  .notes{margin:.25rem 0 .75rem;color:var(--text)}
  .scroll{overflow-x:auto}
  table{border-collapse:collapse;width:100%;font-size:.92rem}
  caption{text-align:left;padding:.25rem 0;color:var(--quiet);font-size:.85rem}
  th,td{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-bottom:1px solid var(--faint);
  overflow-wrap:anywhere}
  th{font-weight:600;white-space:nowrap}
  .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
  tr.bad td{background:var(--bad-ground)}
  details{margin:.5rem 0}
  summary{cursor:pointer;overflow-wrap:anywhere}
  summary .quiet{margin-left:.75rem;font-size:.85rem}
  .write{margin:.2rem 0 .2rem 1rem}
  .action{display:inline-block;min-width:3.6rem;font-weight:600}
  .create{color:var(--a1)}
  .update{color:var(--a0)}
  .delete{color:var(--bad)}
  pre{margin:.35rem 0;padding:.6rem .8rem;overflow-x:auto;border-radius:.4rem;background:var(--box);line-height:1.4;
  display:grid}
  pre>*{display:block;text-decoration:none;white-space:pre}
  ins{color:var(--a1)}
  del{color:var(--bad)}
  .hunk{color:var(--quiet)}
  .timeline{border:1px solid var(--faint);border-radius:.5rem;padding:.6rem .9rem;background:var(--box)}
  .row{display:grid;grid-template-columns:minmax(8rem,17rem) 1fr;gap:1rem;align-items:center;min-height:1.9rem}
  .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;font-size:.92rem}
  .mark{display:inline-block;width:1.3em;font-weight:700}
  .track{position:relative;height:1.15rem}
  .whole,.bar{position:absolute;top:0;height:100%}
  .whole{background:var(--faint);border-radius:3px}
  .bar{min-width:3px;border-right:1px solid var(--box)}
  .bar.observation{top:22%;height:56%}
  .phase{background:var(--a0)}
  .observation{background:var(--a2)}
  .bar.back,.swatch.back{background:var(--a3)}
  .bar.failed,.swatch.failed{background:repeating-linear-gradient(45deg,var(--bad) 0 4px,var(--page) 4px 6px)}
  .axis .track{border-top:1px solid var(--line);height:1.4rem}
  .tick{position:absolute;top:.15rem;transform:translateX(-50%);font-size:.78rem;color:var(--quiet);white-space:nowrap;
  font-variant-numeric:tabular-nums}
  .tick:first-child{transform:none}
  .key{display:inline-flex;align-items:center;gap:.4rem;color:var(--text)}
  .swatch{width:.9rem;height:.9rem;border-radius:2px}
  .chart{display:block;width:100%;min-width:40rem;height:auto;font-size:12px}
  .chart text{fill:var(--quiet);text-anchor:middle}
  .chart .level{text-anchor:end}
  .grid{stroke:var(--faint);fill:none}
  .s0{fill:var(--a0);background:var(--a0)}
  .s1{fill:var(--a1);background:var(--a1)}
  .s2{fill:var(--a2);background:var(--a2)}
  .s3{fill:var(--a3);background:var(--a3)}
  rect.failed{fill:var(--bad);stroke:var(--text);stroke-width:1}
  footer{margin-top:3rem;color:var(--quiet);font-size:.85rem}
  .rollout-graph{display:block;max-width:100%;min-width:38rem;height:auto}
  @media (max-width:44rem){.row{grid-template-columns:1fr;gap:0;padding-bottom:.4rem}.axis .name{display:none}}
  @media print{body{max-width:none;padding:0}nav,.skip{display:none}figure,tr,.tiles,.timeline{break-inside:avoid}
  h2,h3,h4{break-after:avoid}.scroll,pre{overflow:visible}pre>*{white-space:pre-wrap}
  *{print-color-adjust:exact;-webkit-print-color-adjust:exact}
  details::details-content{content-visibility:visible;height:auto;opacity:1}}

  """
