// Makes the charts of a page: each `figure.chart` names its file of data and its chart in there.
"use strict";

{
  const charts = [];
  const CONFIG = {
    responsive: true, displaylogo: false, scrollZoom: false, doubleClick: "reset",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  };

  const MOST_DRAWN_ANEW = 60; // curves: more would take long to follow a pointer

  // One chart on the page, with what the reader chose.
  class Chart {
    constructor(host, data, chart) {
      const { make } = optbench;
      Object.assign(this, { host, data, chart, file: null });
      this.state = this.begin();
      this.controls = make("div", { className: "controls" });
      this.plot = make("div", { className: "plot" });
      this.plot.setAttribute("role", "img");
      this.legend = make("div", { className: "legend" });
      this.key = make("p", { className: "key" });
      this.numbers = make("details", {}, make("summary", { textContent: "The chart in numbers" }));
      this.numbers.addEventListener("toggle", () => this.tabulate());
      const stage = make("div", { className: "stage" }, this.plot, this.legend);
      host.append(this.controls, stage, this.key, this.numbers);
      this.choices();
    }

    begin() {
      const { x, y, views } = this.chart;
      const state = { x: x[0].key, y: y[0].key, xlog: x[0].log, ylog: y[0].log, view: views?.[0].key ?? "best", one: 0 };
      return { ...state, hidden: this.unseen(state) };
    }

    // Returns the names that are hidden before the reader chooses.
    unseen(state) {
      return new Set(this.chart.names.slice(optbench.first(this.chart, state)).map(({ text }) => text));
    }

    // Builds the choices anew: which there are depends on the view.
    choices() {
      const { chart, state } = this;
      const named = (names) => names.map((name, key) => ({ key, label: name.text }));
      const one = optbench.select("optimizer", named(chart.names), state.one, (key) => this.set({ one: key }, true));
      one.hidden = state.view !== "rates";
      this.controls.replaceChildren(
        optbench.select("show", chart.views ?? [], state.view, (view) => this.set({ view }, true)), one,
        optbench.select(chart.yWord ?? "measure", chart.y, state.y, (key) => {
          this.set({ y: key, ylog: optbench.choice(chart.y, key).log });
        }),
        optbench.select("against", chart.x, state.x, (key) => this.set({ x: key, xlog: optbench.choice(chart.x, key).log })),
      );
      if (chart.fixed) return;
      const logs = [["x", "xlog"], ["y", "ylog"]].filter(([axis]) => {
        const { percent, date } = optbench.choice(chart[axis], state[axis]);
        return !percent && !date;
      });
      this.controls.append(optbench.make("div", { className: "checks" }, ...logs.map(([axis, key]) => (
        optbench.check(`log ${axis}`, state[key], (on) => this.set({ [key]: on }))
      ))));
    }

    async set(change, other = false) {
      Object.assign(this.state, change);
      if (other) this.state.hidden = this.unseen(this.state);
      const file = optbench.fileOf(this.chart, this.state);
      try {
        const loaded = file ? await optbench.ask(file) : null;
        // Meanwhile the reader may have chosen something else.
        if (file !== optbench.fileOf(this.chart, this.state)) return;
        this.file = loaded;
      } catch (error) {
        this.key.textContent = `This cannot be shown: ${error.message}.`;
        return;
      }
      const focused = this.focused();
      this.choices();
      this.draw();
      focused?.();
    }

    // Returns what puts the focus back where it was among choices that are built anew.
    focused() {
      const place = [...this.controls.querySelectorAll("select,input")].indexOf(document.activeElement);
      return place < 0 ? null : () => this.controls.querySelectorAll("select,input")[place]?.focus();
    }

    draw() {
      const { chart, data, state } = this;
      this.series = optbench.series(chart, data, this.file, state, optbench.isDark());
      const size = { width: this.plot.clientWidth, height: this.plot.clientHeight };
      this.figure = optbench.figure(chart, data, this.series, state, size);
      const fresh = !this.drawn;
      Plotly.react(this.plot, this.figure.traces, this.figure.layout, CONFIG);
      this.drawn = true;
      if (fresh) this.listen();
      this.label();
      this.legendOf();
      this.key.textContent = optbench.keyText(chart, state, this.figure);
      this.tabulate();
    }

    listen() {
      this.plot.on("plotly_hover", ({ points: [point], event }) => {
        const who = this.figure.who[point.curveNumber];
        if (who) optbench.showTip(optbench.hoverLines(this.chart, this.state, who, point.pointNumber), event);
      });
      this.plot.on("plotly_unhover", optbench.hideTip);
    }

    label() {
      const [x, y] = [optbench.choice(this.chart.x, this.state.x), optbench.choice(this.chart.y, this.state.y)];
      const shown = this.figure.curves.filter((curve) => !curve.entry.reference).length;
      const text = `${y.label} against ${x.label}, ${shown} curves. ${this.chart.about} The numbers are in the table below.`;
      this.plot.setAttribute("aria-label", text.replace(/<[^>]*>/g, ""));
    }

    // Builds a new legend for new curves or colours, and otherwise says which are shown.
    legendOf() {
      const { entries } = this.series;
      const { shares } = optbench.choice(this.chart.x, this.state.x);
      const same = `${optbench.isDark()} ${this.state.view} ${shares} ${entries.map((entry) => entry.text).join("\n")}`;
      if (same !== this.listed) {
        const legend = optbench.legend(entries, this.chart, this.state, {
          onToggle: (entry) => this.toggle(entry), onOnly: (entry) => this.only(entry),
          onShow: (some) => this.show(some), onPoint: (entry) => this.point(entry),
        });
        this.legend.replaceWith(legend);
        Object.assign(this, { legend, listed: same });
      }
      this.legend.show(this.state.hidden);
    }

    toggle({ text }) {
      const { hidden } = this.state;
      if (!hidden.delete(text)) hidden.add(text);
      this.draw();
    }

    // Leaves one name alone, or, if it is alone, shows all again.
    only(entry) {
      const others = this.series.entries.filter((other) => other !== entry && !other.reference);
      const alone = others.length && others.every(({ text }) => this.state.hidden.has(text));
      this.show(alone ? this.series.entries : [entry, ...this.series.entries.filter((e) => e.reference)]);
    }

    show(entries) {
      const shown = new Set(entries.map(({ text }) => text));
      this.state.hidden = new Set(this.series.entries.map(({ text }) => text).filter((text) => !shown.has(text)));
      this.draw();
    }

    // Fades the others while the pointer or the focus is on a name of the legend, and shades it.
    point(entry) {
      const { length } = this.figure.curves;
      if (length > this.chart.mostBands && length <= MOST_DRAWN_ANEW) {
        this.state.pointed = entry;
        this.draw();
      }
      for (const element of this.plot.querySelectorAll(".scatterlayer > .trace")) {
        const who = this.figure.who[element.__data__?.[0]?.trace?.index];
        const other = entry && who?.curve && who.curve.entry !== entry && who.curve.entry.text !== entry.text;
        element.style.opacity = other ? 0.12 : "";
      }
    }

    tabulate() {
      if (!this.numbers.open || !this.figure) return;
      this.numbers.querySelector(".scroll")?.remove();
      const scroll = optbench.make("div", { className: "scroll", tabIndex: 0 });
      scroll.append(optbench.numbers(this.chart, this.state, this.figure));
      this.numbers.append(scroll);
    }
  }

  const AROUND = 400; // pixels above and below the screen in which charts are drawn

  // A chart is drawn when it comes near the screen, so that the page is there at once.
  const near = new IntersectionObserver((seen) => {
    for (const { target, isIntersecting } of seen) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      charts.find((chart) => chart.host === target)?.draw();
    }
  }, { rootMargin: `${AROUND}px` });

  function isNear(host) {
    const { top, bottom } = host.getBoundingClientRect();
    return bottom > -AROUND && top < innerHeight + AROUND;
  }

  async function begin(host) {
    try {
      const data = await optbench.ask(host.dataset.file);
      const chart = new Chart(host, data, data.charts[host.dataset.chart]);
      charts.push(chart);
      // The observer speaks with the next frame, which comes after the page's load event: whoever
      // takes a picture then, and a tab in the background, would find the charts blank.
      if (isNear(host)) chart.draw();
      else near.observe(host);
    } catch (error) {
      host.append(optbench.make("p", { className: "warn", textContent: `The chart cannot be shown: ${error.message}.` }));
    }
  }

  const redraw = (which) => which.forEach((chart) => chart.draw());
  const drawn = () => charts.filter((chart) => chart.drawn);

  // Of tables that differ in the target one is shown at a time.
  function choose(host) {
    const tables = [...host.children];
    const choices = tables.map((table, key) => ({ key, label: table.dataset.label }));
    const show = (key) => tables.forEach((table, i) => { table.hidden = i !== key; });
    const first = Number(host.dataset.first);
    host.before(optbench.select(host.dataset.choose, choices, first, show));
    show(first);
  }

  document.querySelectorAll("figure.chart").forEach(begin);
  document.querySelectorAll("[data-choose]").forEach(choose);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw(drawn()));
  // Where a phone is turned, titles have other room.
  matchMedia("(max-width: 48rem)").addEventListener("change", () => redraw(drawn()));
  // Paper is white, and shows the charts that were not scrolled to as well.
  addEventListener("beforeprint", () => { optbench.print(true); redraw(charts); });
  addEventListener("afterprint", () => {
    optbench.print(false);
    redraw(charts);
    charts.forEach((chart) => Plotly.Plots.resize(chart.plot));
  });
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") optbench.hideTip(); });
}
