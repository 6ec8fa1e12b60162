// What surrounds a plot: choices, legend, hover box, the marks' meanings and the numbers as a table.
// Everything that comes from data is set as text, never as HTML.
"use strict";

{
  const FILTER_FROM = 13; // names from which on a legend has a box to filter it
  const SVG = "http://www.w3.org/2000/svg";

  function make(tag, properties = {}, ...children) {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  }
  optbench.make = make;

  // A labelled list of choices; nothing where there is no choice.
  optbench.select = (label, choices, chosen, onChange) => {
    const select = make("select");
    for (const { key, label: text } of choices) {
      select.append(make("option", { value: String(key), textContent: text, selected: key === chosen }));
    }
    select.addEventListener("change", () => onChange(choices[select.selectedIndex].key));
    const whole = make("label", { className: "choice" }, make("span", { textContent: label }), select);
    whole.hidden = choices.length < 2;
    return whole;
  };

  optbench.check = (label, checked, onChange) => {
    const box = make("input", { type: "checkbox", checked });
    box.addEventListener("change", () => onChange(box.checked));
    return make("label", { className: "check" }, box, make("span", { textContent: label }));
  };

  const MARKERS = {
    circle: "M-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0", square: "M-3,-3h6v6h-6z", diamond: "M0,-4l4,4l-4,4l-4,-4z",
    "triangle-up": "M0,-4l4,7h-8z", "triangle-down": "M0,4l4,-7h-8z", cross: "M-1,-4h2v3h3v2h-3v3h-2v-3h-3v-2h3z",
    x: "M-4,-2.5l1.5,-1.5l2.5,2.5l2.5,-2.5l1.5,1.5l-2.5,2.5l2.5,2.5l-1.5,1.5l-2.5,-2.5l-2.5,2.5l-1.5,-1.5l2.5,-2.5z",
    star: "M0,-4.5l1.2,3h3.2l-2.5,2l1,3.2l-2.9,-1.9l-2.9,1.9l1,-3.2l-2.5,-2h3.2z",
    "triangle-left": "M-4,0l7,-4v8z", "triangle-right": "M4,0l-7,-4v8z",
  };

  function swatch(entry, bare) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 -6 30 12");
    svg.setAttribute("aria-hidden", "true");
    const draw = (d, attributes) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      for (const [key, value] of Object.entries(attributes)) path.setAttribute(key, value);
      svg.append(path);
    };
    const colour = optbench.paint(entry);
    const dash = entry.dash === "solid" ? "" : entry.dash.replace(/px/g, "");
    if (!bare || entry.reference) draw("M0,0H30", { stroke: colour, "stroke-width": 2, "stroke-dasharray": dash });
    if (MARKERS[entry.marker]) draw(MARKERS[entry.marker], { fill: colour, transform: "translate(15,0)" });
    return svg;
  }

  // Returns a name in parts between which a line may end.
  const parted = (name) => name.split(/(?<=[:,=_/])/).flatMap((part, i) => (i ? [make("wbr"), part] : [part]));

  // Returns how many names are shown before the reader chooses: the best ones come first.
  optbench.first = (chart, state) => (state.view === "rates" ? Infinity : chart.first ?? Infinity);

  // The legend: a button a name that hides and shows it, and beside it one that leaves it alone.
  optbench.legend = (entries, chart, state, { onToggle, onOnly, onShow, onPoint }) => {
    const list = make("ul");
    const signs = optbench.choice(chart.x, state.x).shares;
    for (const entry of entries) {
      const name = make("button", { type: "button", className: "name" }, swatch(entry, chart.bare));
      name.append(make("span", {}, ...parted(entry.text), signs && entry.shared ? " ‡" : ""));
      if (entry.mark) name.append(make("em", { textContent: entry.mark }));
      name.title = entry.tips.join("\n");
      const only = make("button", { type: "button", className: "only", textContent: "only" });
      only.setAttribute("aria-label", `show only ${entry.text}`);
      name.addEventListener("click", () => onToggle(entry));
      name.addEventListener("dblclick", () => onOnly(entry));
      name.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" || !event.shiftKey) return;
        event.preventDefault();
        onOnly(entry);
      });
      only.addEventListener("click", () => onOnly(entry));
      const item = make("li", {}, name, only);
      for (const [kind, whom] of [["mouseenter", entry], ["mouseleave", null], ["focusin", entry], ["focusout", null]]) {
        item.addEventListener(kind, () => onPoint(whom));
      }
      list.append(item);
    }
    const legend = make("div", { className: "legend" });
    legend.setAttribute("role", "group");
    legend.setAttribute("aria-label", "curves to show");
    if (entries.length > 1) legend.append(tools(entries, list, optbench.first(chart, state), onShow));
    legend.append(list);
    legend.show = (hidden) => entries.forEach((entry, i) => {
      list.children[i].firstChild.setAttribute("aria-pressed", String(!hidden.has(entry.text)));
    });
    return legend;
  };

  function tools(entries, list, first, onShow) {
    const row = make("div", { className: "tools" });
    const best = entries.filter((entry, i) => i < first || entry.reference);
    const some = best.length < entries.length ? [[`best ${first}`, best]] : [];
    for (const [text, shown] of [["all", entries], ...some, ["none", []]]) {
      const button = make("button", { type: "button", textContent: text });
      button.setAttribute("aria-label", `show ${text}`);
      button.addEventListener("click", () => onShow(shown));
      row.append(button);
    }
    if (entries.length >= FILTER_FROM) {
      const box = make("input", { type: "search", placeholder: "filter names" });
      box.setAttribute("aria-label", "filter the names");
      box.addEventListener("input", () => {
        const wanted = box.value.toLowerCase();
        entries.forEach((entry, i) => { list.children[i].hidden = !entry.text.toLowerCase().includes(wanted); });
      });
      row.append(box);
    }
    return row;
  }

  const plain = (label) => label.replace(/<[^>]*>/g, "");

  // Returns a number of an axis with its interval as text; one without width is none.
  function measured(axis, values, low, high, i, digits = 6) {
    if (axis.date) return new Date(values[i]).toISOString().slice(0, 10);
    const text = (value, long) => (axis.percent
      ? `${Number((100 * value).toPrecision(4))} %` : optbench.number(value, long));
    const interval = low && low[i] < high[i] ? ` [${text(low[i], 4)}, ${text(high[i], 4)}]` : "";
    return text(values[i], digits) + interval;
  }

  // Returns the lines of the hover box for point i of what `who` says, the name first.
  optbench.hoverLines = (chart, state, who, i) => {
    const [x, y] = [optbench.choice(chart.x, state.x), optbench.choice(chart.y, state.y)];
    if (who.rail) {
      const { row, x: at, share, seeds } = who.marks[i];
      const lost = `${Math.round(share * seeds)} of ${seeds} ${chart.railWord ?? "lost"}`;
      return [chart.names[row.of].text, lost, `${plain(x.label)}: ${measured(x, [at], null, null, 0)}`];
    }
    const mark = who.marks?.[i];
    const curve = mark?.curve ?? who.curve;
    const at = mark?.i ?? i;
    const lines = [
      curve.entry.text,
      `${plain(y.label)}: ${measured(y, curve.y, curve.low, curve.high, at)}`,
      `${plain(x.label)}: ${measured(x, curve.x, curve.left, curve.right, at)}`,
    ];
    if (mark?.floor) lines.push("at the floor: smaller values and zeros are drawn here");
    const word = curve.words ? [curve.words[curve.at[at]]] : [];
    return [...lines, ...word, ...(curve.tips ?? curve.entry.tips)];
  };

  const tip = make("div", { className: "tip", hidden: true });
  tip.setAttribute("aria-hidden", "true");

  optbench.showTip = (lines, event) => {
    if (!tip.isConnected) document.body.append(tip);
    tip.replaceChildren(...lines.map((text, i) => make(i ? "div" : "strong", { textContent: text })));
    tip.hidden = false;
    const [width, height] = [tip.offsetWidth, tip.offsetHeight];
    const left = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, Math.min(event.clientY + 12, innerHeight - height - 4))}px`;
  };
  optbench.hideTip = () => { tip.hidden = true; };

  const MOST_NAMES = 3;

  function listed(absent) {
    const told = absent.slice(0, MOST_NAMES).map(({ text, why }) => `${text} (${why})`).join(", ");
    return absent.length > MOST_NAMES ? `${told} and ${absent.length - MOST_NAMES} more, see the tables` : told;
  }

  // Returns what the marks in a figure mean, as one line of text.
  optbench.keyText = (chart, state, figure) => {
    const axis = optbench.choice(chart.y, state.y);
    const has = (test) => figure.at.some(test);
    const parts = [];
    const { shown, known } = figure;
    if (optbench.first(chart, state) < known) parts.push(`${shown} of ${known} shown, the best ${chart.first} at first`);
    if (figure.banded) parts.push(`shade: ${chart.banded}`);
    if (has((m) => m.symbol === "x-thin")) parts.push("× diverged");
    if (has((m) => m.symbol === "square-x-open")) parts.push("⊠ failed: see the statuses");
    if (has((m) => m.symbol === "line-ns")) parts.push("| budget spent");
    if (has((m) => m.symbol === "circle-open" && m.curve.end)) parts.push(`○ ${chart.reached}`);
    if (has((m) => m.floor)) parts.push(`▽ floor, ${optbench.number(axis.floor, 2)}: smaller values and zeros are drawn there`);
    if (chart.rings && has((m) => m.width === 1.6)) parts.push(`○ ${chart.rings}`);
    if (axis.targets?.length) parts.push(`dotted: target${axis.targets.length > 1 ? "s" : ""} ${axis.targets.map(({ text }) => text).join(", ")}`);
    if (figure.above.found.length) parts.push(`× above: ${chart.railMeaning}`);
    if (chart.bounds?.length) parts.push(`upright lines: ${chart.boundsMeaning ?? "where divergence begins"}`);
    const shares = optbench.choice(chart.x, state.x).shares;
    if (shares && figure.curves.some((curve) => curve.entry.shared)) parts.push(`‡ ${shares}`);
    if (figure.absent.length) parts.push(`not drawn: ${listed(figure.absent)}`);
    if (figure.hidden) parts.push(`${figure.hidden} curve${figure.hidden > 1 ? "s have" : " has"} values ≤ 0, which a logarithmic axis cannot show`);
    return parts.join(" · ");
  };

  const SAMPLES = 7;

  // The numbers behind a figure: every point of charts of few points, else some abscissae.
  optbench.numbers = (chart, state, figure) => {
    const [x, y] = [optbench.choice(chart.x, state.x), optbench.choice(chart.y, state.y)];
    const curves = figure.curves.filter((curve) => !curve.entry.reference && curve.x.length);
    if (chart.every) {
      const rows = curves.flatMap((curve) => Array.from(curve.x, (_, i) => [
        curve.words ? `${curve.entry.text}, ${curve.words[curve.at[i]]}` : curve.entry.text, measured(x, curve.x, curve.left, curve.right, i),
        measured(y, curve.y, curve.low, curve.high, i, 4),
      ]));
      return table(["", plain(x.label), plain(y.label)], rows);
    }
    const last = Math.max(...curves.map((curve) => curve.x.at(-1)), 0);
    const first = Math.min(...curves.map((curve) => curve.x.find((v) => v > 0) ?? last));
    const places = Array.from({ length: SAMPLES }, (_, k) => {
      const share = k / (SAMPLES - 1);
      return state.xlog ? first * (last / first) ** share : last * share;
    });
    const rows = curves.map((curve) => [curve.entry.text, ...places.map((at) => held(curve, at)), curve.end ?? ""]);
    const heads = places.map((at) => optbench.number(at, 3));
    const whole = table(["", ...heads, "end"], rows);
    whole.prepend(make("caption", { textContent: `${plain(y.label)} at some ${plain(x.label)}` }));
    return whole;
  };

  function held(curve, at) {
    let i = -1;
    while (i + 1 < curve.x.length && curve.x[i + 1] <= at * (1 + 1e-12)) i += 1;
    const over = i === curve.x.length - 1 && curve.end === "lost" && at > curve.x[i];
    return i < 0 || over ? "" : optbench.number(curve.y[i], 3);
  }

  function table(heads, rows) {
    const cell = (tag, text) => make(tag, {}, ...parted(text));
    const head = make("tr", {}, ...heads.map((text) => Object.assign(cell("th", text), { scope: "col" })));
    const body = rows.map((row) => make("tr", {}, ...row.map((text, i) => (i
      ? cell("td", text) : Object.assign(cell("th", text), { scope: "row" })))));
    return make("table", {}, make("thead", {}, head), make("tbody", {}, ...body));
  }
}
