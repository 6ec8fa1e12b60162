// From curves to what plotly draws: traces, axes and their limits. Names never reach plotly, which
// would read tags in them: legends and hover boxes are the page's own, see `controls.js`.
"use strict";

{
  // Curves that rise above this multiple of the highest start leave the plot through its top.
  const TOP = { log: 1e3, linear: 2 };
  const RAIL = 0.035; // height of one name's row of the rail, as a share of the plot
  const MAX_RAIL = 0.32;
  const PER_LETTER = 7.3; // pixels that a letter of a title takes, on average
  const PER_DECADE = { x: 100, y: 45 }; // pixels from which on 2 and 5 have room between powers of ten
  const MOST_MARKERS = 60; // beyond so many curves markers tell nothing, and cost half of the time
  const ENDS = {
    lost: { symbol: "x-thin", size: 9 },
    budget: { symbol: "line-ns", size: 11 },
    converged: { symbol: "circle-open", size: 8 },
    failed: { symbol: "square-x-open", size: 10 },
  };

  let printing = false;
  optbench.print = (on) => {
    printing = on;
    document.documentElement.classList.toggle("printed", on);
  };
  optbench.isDark = () => !printing && matchMedia("(prefers-color-scheme: dark)").matches;

  // Returns a colour for today's paper; the style sheet has a lighter one where it is too dark.
  optbench.paint = (entry) => {
    if (entry.paint) return entry.paint;
    if (entry.reference) return variable("--soft", "#57606a");
    return variable(`--${entry.colour.slice(1)}`, entry.colour);
  };

  function variable(name, otherwise) {
    if (printing) return name.startsWith("--s") ? "#57606a" : name === "--ink" ? "#1b1f24" : otherwise;
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || otherwise;
  }

  const faint = (colour, share) => {
    const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return `rgba(${parts.join(",")},${share})`;
  };

  const floored = (values, axis, log) => (log && axis.floor
    ? Float64Array.from(values, (v) => Math.max(v, axis.floor)) : values);

  // Returns [lowest, highest] of what the axis shows.
  function limits(curves, axis, log) {
    if (axis.range) return axis.range;
    let [low, high, start] = [Infinity, -Infinity, -Infinity];
    for (const curve of curves) {
      if (curve.entry.reference) continue;
      const y = floored(curve.y, axis, log);
      // Bars of points are few and are shown whole; bands of curves end where the plot does.
      for (const value of curve.points && curve.low ? [...y, ...curve.low, ...curve.high] : y) {
        if (log && value <= 0) continue;
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      if (y.length) start = Math.max(start, y[0]);
    }
    // A target just below the curves is shown, one far from them would squeeze them.
    for (const { at } of axis.targets ?? []) {
      if (log && at > 0 && at * 10 >= low) low = Math.min(low, at);
    }
    if (!(low <= high)) return log ? [1e-1, 1] : [0, 1];
    if (axis.falls && start > 0) high = Math.min(high, start * (log ? TOP.log : TOP.linear));
    return widened(Math.min(low, high), high, log);
  }

  function widened(low, high, log) {
    // The largest numbers leave no room above them.
    if (log) return [Math.max(low / 2, 5e-324), Math.min(high * 2, Number.MAX_VALUE)];
    const room = (high / 2 - low / 2) * 0.1 || Math.abs(high) * 0.1 || 1;
    return [low - room, high + room];
  }

  const shown = (range, log) => (log ? range.map((v) => Math.log10(v)) : range);

  // Returns the same of the other axis, which marks of the rail share.
  function span(curves, marks, log) {
    let [low, high] = [Infinity, -Infinity];
    const own = curves.filter((curve) => !curve.entry.reference);
    for (const places of [...own.flatMap(({ x, left, right }) => [x, left ?? [], right ?? []]), marks.map(({ x }) => x)]) {
      for (const x of places) {
        if (log ? x > 0 : Number.isFinite(x)) {
          low = Math.min(low, x);
          high = Math.max(high, x);
        }
      }
    }
    if (!(low <= high)) return log ? [1, 10] : [0, 1];
    if (!log) return low === high ? [low - 1, high + 1] : [low - (high - low) * 0.01, high + (high - low) * 0.03];
    const room = low === high ? 2 : high ** 0.03 / low ** 0.03;
    return [Math.max(low / room, 5e-324), Math.min(high * room, Number.MAX_VALUE)];
  }

  // Steps as lines: plotly's own hv has no filled twin.
  function stepped(x, y) {
    const [xs, ys] = [[], []];
    for (let i = 0; i < x.length; i += 1) {
      if (i) {
        xs.push(x[i]);
        ys.push(y[i - 1]);
      }
      xs.push(x[i]);
      ys.push(y[i]);
    }
    return [xs, ys];
  }

  function area(curve, [bottom, top], colour, fix) {
    const edge = (values) => (curve.shape === "hv" ? stepped(curve.x, values) : [curve.x, values]);
    const clipped = (values) => fix(Float64Array.from(values, (v) => Math.max(Math.min(v, top), bottom)));
    const [x, low] = edge(clipped(curve.low));
    const [, high] = edge(clipped(curve.high));
    return {
      x: [...x, ...Array.from(x).reverse()], y: [...low, ...Array.from(high).reverse()],
      fill: "toself", fillcolor: faint(colour, 0.15), line: { width: 0 }, mode: "lines",
      hoverinfo: "skip",
    };
  }

  function line(curve, colour, y, many) {
    const { entry } = curve;
    const bare = many || curve.slender || entry.marker === "none";
    return {
      x: curve.x, y, mode: bare ? "lines" : "lines+markers", hoverinfo: "none", connectgaps: true,
      opacity: curve.slender ? 0.75 : 1,
      line: { color: colour, width: curve.slender ? 1 : 1.8, dash: entry.dash, shape: curve.shape ?? "linear" },
      marker: { symbol: entry.marker, size: 6, color: colour, maxdisplayed: curve.every ? 0 : 7 },
    };
  }

  function points(curve, colour, y) {
    const bars = (values, [low, high]) => ({
      type: "data", symmetric: false, thickness: 1, width: 3, color: faint(colour, 0.7),
      array: Array.from(high, (v, i) => Math.max(v - values[i], 0)),
      arrayminus: Array.from(low, (v, i) => Math.max(values[i] - v, 0)),
    });
    return {
      x: curve.x, y, mode: "markers", hoverinfo: "none",
      marker: { symbol: curve.entry.marker, size: 9, color: colour },
      ...(curve.low ? { error_y: bars(y, [curve.low, curve.high]) } : {}),
      ...(curve.left ? { error_x: bars(curve.x, [curve.left, curve.right]) } : {}),
    };
  }

  // Marks at single points of many curves are one trace, so that each kind costs the same.
  function marks(list, more = {}) {
    return {
      x: list.map((m) => m.x), y: list.map((m) => m.y), mode: "markers", hoverinfo: "none",
      marker: {
        symbol: list.map((m) => m.symbol), size: list.map((m) => m.size),
        color: list.map((m) => m.colour), opacity: list.map((m) => m.opacity ?? 1),
        line: { width: list.map((m) => m.width ?? 2), color: list.map((m) => m.colour) },
      },
      cliponaxis: false, ...more,
    };
  }

  function ends(curves, y, top, axis, log) {
    const found = [];
    curves.forEach((curve, k) => {
      // Of single runs only the lost are marked: the others all end at one place.
      const mark = curve.slender && curve.end !== "lost" ? null : ENDS[curve.end];
      if (!mark || !curve.x.length) return;
      const colour = optbench.paint(curve.entry);
      let last = curve.x.length - 1;
      if (curve.end === "lost") {
        const above = y[k].findIndex((value) => value > top);
        last = above < 0 ? last : above;
      }
      const height = Math.min(y[k][last], top);
      found.push({ curve, i: last, x: curve.x[last], y: height, colour, ...mark });
      if (log && axis.floor && curve.y.some((value) => value <= axis.floor)) {
        const i = curve.y.findIndex((value) => value <= axis.floor);
        found.push({ curve, i, x: curve.x[i], y: axis.floor, colour, symbol: "triangle-down-open", size: 9, floor: true });
      }
    });
    return found;
  }

  function rings(curves, y) {
    return curves.flatMap((curve, k) => {
      const i = curve.ring === undefined ? -1 : curve.at.indexOf(curve.ring);
      if (i < 0) return [];
      const colour = optbench.paint(curve.entry);
      return [{ curve, i, x: curve.x[i], y: y[k][i], colour, symbol: "circle-open", size: 13, width: 1.6 }];
    });
  }

  // Lost runs have no height: each name has a row of its own above the plot.
  function rail(chart, data, visible) {
    const rows = (chart.rail ?? []).filter((row) => visible.has(chart.names[row.of]));
    const found = rows.flatMap((row, k) => {
      const [x, share, seeds] = row.columns.map((place) => data.column(place));
      const colour = optbench.paint(chart.names[row.of]);
      return Array.from(x, (at, i) => ({ x: at, share: share[i], seeds: seeds[i], row, y: -k, colour }))
        .filter((mark) => mark.share > 0)
        .map((mark) => ({ ...mark, symbol: "x-thin", size: 8, opacity: 0.35 + 0.65 * mark.share }));
    });
    return { rows, found, height: rows.length ? Math.min(RAIL * (rows.length + 0.6), MAX_RAIL) : 0 };
  }

  const inside = (value, range) => value >= range[0] && value <= range[1];

  function rules(chart, axis, visible, ranges, height) {
    const across = (axis.targets ?? []).filter(({ at }) => inside(at, ranges.y)).map(({ at }) => ({
      type: "line", xref: "paper", x0: 0, x1: 1, y0: at, y1: at, layer: "below",
      line: { color: variable("--soft", "#57606a"), width: 1, dash: "1px,3px" },
    }));
    const bounds = (chart.bounds ?? []).filter(({ of }) => visible.has(chart.names[of]));
    const few = bounds.length <= 3; // more lines would hide the curves
    const upright = bounds.map(({ of, at }) => ({
      type: "line", yref: "paper", x0: at, x1: at, y0: few ? 0 : 1 - height - 0.06, y1: 1,
      layer: "below", line: { color: optbench.paint(chart.names[of]), width: 1.2, dash: "2px,2px" },
    }));
    return [...across, ...upright];
  }

  // Where 2 and 5 have no room the ticks are powers of ten, as many as have; between one decade and
  // four plotly would label every digit.
  function ticks(log, [low, high], length, room) {
    const decades = Math.log10(high) - Math.log10(low);
    if (!log || decades <= 1) return { nticks: 9 };
    const wide = decades > 90 ? 0.8 : 0.5; // exponents of three digits
    if (length / decades < room) return { dtick: Math.ceil((decades * room * wide) / length) };
    return decades < 4 ? { dtick: "D2" } : { nticks: 9 };
  }

  // Returns a title in as many lines as it needs on an axis of so many pixels.
  function folded(text, length) {
    const most = Math.max(Math.floor(length / PER_LETTER), 12);
    if (text.length <= most) return text;
    const lines = [];
    // Words and formula have two spaces between them.
    for (const part of text.split("  ")) {
      part.split(" ").forEach((word, i) => {
        const longer = i ? `${lines.at(-1)} ${word}` : word;
        if (i && longer.length <= most) lines[lines.length - 1] = longer;
        else lines.push(word);
      });
    }
    return lines.join("<br>");
  }

  function axisOf(choice, log, range, length, more) {
    return {
      type: choice.date ? "date" : log ? "log" : "linear", range: shown(range, log),
      title: { text: folded(choice.label, length), standoff: 8 },
      exponentformat: "power", showexponent: "all", minexponent: 4, zeroline: false, automargin: true,
      gridcolor: faint(variable("--ink", "#1b1f24"), 0.1), linecolor: faint(variable("--ink", "#1b1f24"), 0.5),
      showline: true, ticks: "outside", ticklen: 4, tickcolor: faint(variable("--ink", "#1b1f24"), 0.5),
      ...ticks(log, range, length, PER_DECADE[more.anchor ? "x" : "y"]), ...(choice.percent ? { tickformat: ".0%" } : {}), ...more,
    };
  }

  function layout(chart, state, ranges, above, shapes, size) {
    const coarse = matchMedia("(pointer: coarse)").matches;
    const [xAxis, yAxis] = [optbench.choice(chart.x, state.x), optbench.choice(chart.y, state.y)];
    const rows = Math.max(above.rows.length, 1);
    return {
      xaxis: axisOf(xAxis, state.xlog, ranges.x, size.width - 80, { anchor: "y" }),
      yaxis: axisOf(yAxis, state.ylog, ranges.y, (size.height - 40) * (1 - above.height), { domain: [0, 1 - above.height] }),
      yaxis2: {
        domain: [1 - above.height + 0.005, 1], range: [-rows + 0.4, 0.6], visible: false, fixedrange: true,
      },
      // On paper there is no window whose size could be followed.
      ...(printing ? size : { autosize: true }), shapes, showlegend: false, hovermode: "closest",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: variable("--soft", "#57606a"), activecolor: variable("--accent", "#0b62c4") },
      hoverdistance: 24,
      // The buttons, which come and go with a pointer, are there for good where there is none.
      margin: { l: 8, r: 14, t: coarse ? 32 : 12, b: 8 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: 'system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif', size: 12, color: variable("--ink", "#1b1f24") },
      // A finger on the plot scrolls the page.
      dragmode: coarse ? false : "zoom",
      annotations: [
        ...(above.rows.length ? [{ text: chart.railLabel, xref: "paper", yref: "paper", x: 0, y: 1, xanchor: "left", yanchor: "bottom", yshift: -2, showarrow: false, font: { size: 11 } }] : []),
        ...(chart.bounds ?? []).filter(({ text }) => text).map(({ at, text }) => ({ text, x: at, yref: "paper", y: 1, yanchor: "bottom", yshift: -2, showarrow: false, font: { size: 11 } })),
        ...(ranges.empty ? [{ text: "nothing to draw here", xref: "paper", yref: "paper", x: 0.5, y: 0.5, showarrow: false, font: { size: 14 } }] : []),
      ],
    };
  }

  function counts(entries, visible) {
    const names = entries.filter((entry) => !entry.reference);
    return { known: names.length, shown: names.filter((entry) => visible.has(entry)).length };
  }

  optbench.choice = (choices, key) => choices.find((choice) => choice.key === key) ?? choices[0];

  // Returns { traces, layout, who, marks }: `who[k]` tells what trace k is, for the hover box.
  optbench.figure = (chart, data, series, state, size) => {
    const axis = optbench.choice(chart.y, state.y);
    const visible = new Set(series.entries.filter((entry) => !state.hidden.has(entry.text)));
    const curves = series.curves.filter((curve) => visible.has(curve.entry));
    const above = rail(chart, data, visible);
    const ranges = {
      x: chart.span?.[state.x] ?? span(curves, above.found, state.xlog), y: limits(curves, axis, state.ylog),
    };
    ranges.empty = !above.found.length && !curves.some((curve) => !curve.entry.reference && curve.x.length);
    const fix = (values) => floored(values, axis, state.ylog);
    const y = curves.map((curve) => fix(curve.y));
    const [areas, lines] = [[], []];
    const banded = !chart.mostBands || curves.length <= chart.mostBands;
    curves.forEach((curve, k) => {
      const colour = optbench.paint(curve.entry);
      if ((banded || curve.entry === state.pointed) && curve.low && !curve.points) areas.push([area(curve, ranges.y, colour, fix), { curve }]);
      lines.push([(curve.points ? points : line)(curve, colour, y[k], curves.length > MOST_MARKERS), { curve }]);
    });
    const at = [...ends(curves, y, ranges.y[1], axis, state.ylog), ...rings(curves, y)];
    const drawn = [...areas, ...lines.reverse(), [marks(at), { marks: at }]];
    if (above.found.length) drawn.push([marks(above.found, { yaxis: "y2" }), { marks: above.found, rail: true }]);
    const hidden = state.ylog && !axis.floor ? curves.filter((curve) => curve.y.some((v) => v <= 0)).length : 0;
    return {
      traces: drawn.map(([trace]) => trace), who: drawn.map(([, who]) => who), curves, at, hidden, above,
      banded: areas.length > 0, absent: series.absent, ...counts(series.entries, visible),
      layout: layout(chart, state, ranges, above, rules(chart, axis, visible, ranges, above.height), size),
    };
  };
}
