// From a chart's data and what the reader chose to the curves to draw: plain objects
// { entry, x, y, low, high, tips, end, ... } with arrays, and the legend they belong to.
"use strict";

{
  // Ramps of one hue order for learning rates, readable on either paper.
  const RAMPS = {
    light: ["#440154", "#3b528b", "#21918c", "#6fae2f"],
    dark: ["#a48bf0", "#63a4e6", "#35c0a9", "#cbe35f"],
  };

  function mixed(a, b, share) {
    const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    const [from, to] = [parts(a), parts(b)];
    const hex = from.map((v, i) => Math.round(v + (to[i] - v) * share).toString(16).padStart(2, "0"));
    return `#${hex.join("")}`;
  }

  function ramp(count, dark) {
    const stops = RAMPS[dark ? "dark" : "light"];
    return Array.from({ length: count }, (_, i) => {
      const place = (count > 1 ? i / (count - 1) : 0) * (stops.length - 1);
      const below = Math.min(Math.floor(place), stops.length - 2);
      return mixed(stops[below], stops[below + 1], place - below);
    });
  }

  // Leaves out what is not a number, and everything from the first infinity on: there it was lost.
  function sound(curve) {
    const { x, y } = curve;
    const kept = [];
    for (let i = 0; i < y.length && Math.abs(y[i]) !== Infinity; i += 1) {
      if (!Number.isNaN(y[i]) && !Number.isNaN(x[i])) kept.push(i);
    }
    const take = (values) => values && Float64Array.from(kept, (i) => values[i]);
    const columns = { x: take(x), y: take(y), at: kept };
    for (const name of ["low", "high", "left", "right"]) columns[name] = take(curve[name]);
    return { ...curve, ...columns };
  }

  function columnsOf(data, curve, state) {
    const [places, x] = curve.at
      ? [curve.at[state.x]?.[state.y]?.slice(1), curve.at[state.x]?.[state.y]?.[0]]
      : [[curve.y[state.y]].flat(), curve.x[state.x]];
    if (x === undefined || places?.[0] === undefined) return null;
    const [y, ...others] = places.map((place) => data.column(place));
    const [low, high, left, right] = others;
    return { x: data.column(x), y, low, high, left, right };
  }

  function best(chart, data, state, file) {
    const curves = [];
    const source = file ?? data;
    for (const curve of file ? file.curves : chart.curves) {
      const columns = columnsOf(source, curve, state);
      if (!columns) continue;
      const tips = curve.seed === undefined ? {} : { tips: specOf(chart, curve) };
      curves.push(sound({ ...curve, ...columns, ...tips, entry: chart.names[curve.of] }));
    }
    return { entries: chart.names, curves };
  }

  // Returns the spec of a run as lines of text.
  function specOf(chart, run) {
    const lr = run.lr === null ? [] : [`lr ${optbench.number(run.lr)}`];
    return [...chart.names[run.of].spec, [...lr, `seed ${run.seed}`, run.status].join(", ")];
  }

  function drawn(chart, file, state, chosen, entryOf) {
    const curves = [];
    for (const run of chosen) {
      const columns = columnsOf(file, run, state);
      const more = { entry: entryOf(run), slender: true, tips: specOf(chart, run) };
      if (columns) curves.push(sound({ ...run, ...columns, ...more }));
    }
    return curves;
  }

  function runs(chart, file, state) {
    const chosen = file.runs.filter((run) => run.best);
    return { entries: chart.names, curves: drawn(chart, file, state, chosen, (run) => chart.names[run.of]) };
  }

  function rates(chart, file, state, dark) {
    const chosen = file.runs.filter((run) => run.of === state.one);
    const known = [...new Set(chosen.map((run) => run.lr))].sort((a, b) => a - b);
    const colours = ramp(known.length, dark);
    const entries = known.map((lr, i) => ({
      text: lr === null ? "no learning rate" : `lr ${optbench.number(lr)}`,
      paint: colours[i], dash: "solid", tips: [], marker: "none", shared: chart.names[state.one].shared,
    }));
    const entryOf = (run) => entries[known.indexOf(run.lr)];
    return { entries, curves: drawn(chart, file, state, chosen, entryOf) };
  }

  function references(chart, data, state) {
    const found = (chart.references ?? []).filter((line) => line.x === state.x && line.y === state.y);
    return found.map((line) => ({
      entry: { text: line.text, reference: true, dash: line.dash, marker: "none", tips: [] },
      x: data.column(line.columns[0]), y: data.column(line.columns[1]), shape: line.shape,
    }));
  }

  // Returns the name of the file that a view or an axis needs besides the chart's own.
  optbench.fileOf = (chart, state) => chart.views?.find((view) => view.key === state.view)?.file
    ?? optbench.choice(chart.x, state.x).file;

  // Returns { entries, curves, absent } of a chart; `file` is what `fileOf` names.
  optbench.series = (chart, data, file, state, dark) => {
    const views = { rates, runs };
    const found = views[state.view]?.(chart, file, state, dark) ?? best(chart, data, state, file);
    const lines = references(chart, data, state);
    const used = new Set(found.curves.map((curve) => curve.entry));
    return {
      entries: [...found.entries.filter((entry) => used.has(entry)), ...lines.map((line) => line.entry)],
      curves: [...found.curves, ...lines],
      absent: found.entries.filter((entry) => entry.why && !used.has(entry)),
    };
  };

  // Returns a number with as many digits as a curve holds.
  optbench.number = (value, digits = 6) => {
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "unknown" : value > 0 ? "∞" : "-∞";
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-3 || size >= 1e6)
      ? value.toExponential(digits - 1).replace(/\.?0+e/, "e")
      : String(Number(value.toPrecision(digits)));
    return text.replace("e+", "e");
  };
}
