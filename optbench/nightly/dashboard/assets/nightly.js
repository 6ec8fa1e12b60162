// What the dashboard adds: dates and commits of the nights, which its series share, a matrix that
// arrow keys and a filter answer to, and commands that can be copied.
"use strict";

{
  const ask = optbench.ask;

  // A series names its nights by place; here they become dates and words.
  optbench.ask = async (name) => {
    const data = await ask(name);
    if (!data.nights || data.dated) return data;
    const { devices } = await ask(data.nights);
    const column = data.column;
    const dates = new Map();
    data.column = (place) => (typeof place === "string" ? dates.get(place) : column(place));
    for (const { curves, rail } of Object.values(data.charts)) {
      for (const part of [...curves, ...(rail ?? [])].filter((one) => one.places !== undefined)) {
        const nights = devices[part.device];
        const places = Array.from(column(part.places));
        const key = `${part.device} ${part.places}`;
        dates.set(key, Float64Array.from(places, (place) => nights.dates[place]));
        if (part.at) {
          part.at.date.value[0] = key;
          part.words = places.map((place) => nights.words[place]);
        } else {
          part.columns[0] = key;
        }
      }
    }
    data.dated = true;
    return data;
  };

  // Arrows go from cell to cell; a matrix is one stop of the tabulator key.
  function arrows(table) {
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("a.cell")));
    const links = rows.flat().filter(Boolean);
    const stop = (link) => links.forEach((other) => { other.tabIndex = other === link ? 0 : -1; });
    if (links.length) stop(links[0]);
    table.addEventListener("focusin", ({ target }) => { if (links.includes(target)) stop(target); });
    table.addEventListener("keydown", (event) => {
      const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [0, 0];
      let row = rows.findIndex((line) => line.includes(document.activeElement));
      if (row < 0 || (!down && !right)) return;
      let place = rows[row].indexOf(document.activeElement);
      do {
        row += down;
        place += right;
      } while (rows[row] && place >= 0 && place < rows[row].length && (!rows[row][place] || table.tBodies[0].rows[row].hidden));
      const next = rows[row]?.[place];
      event.preventDefault();
      next?.focus();
    });
  }

  // A box for names, and a choice of the rows with a change.
  function filter(host) {
    const rows = [...document.querySelectorAll("table.matrix tbody tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const status = optbench.make("span", { className: "soft" });
    status.setAttribute("role", "status");
    let [wanted, changed] = ["", false];
    const show = () => {
      rows.forEach((row, i) => { row.hidden = !texts[i].includes(wanted) || (changed && !row.querySelector("[data-changed]")); });
      const left = rows.filter((row) => !row.hidden).length;
      status.textContent = left === rows.length ? "" : `${left} of ${rows.length} rows`;
    };
    const box = optbench.make("input", { type: "search", placeholder: "filter rows" });
    box.setAttribute("aria-label", "filter the rows by name");
    box.addEventListener("input", () => { wanted = box.value.toLowerCase(); show(); });
    host.append(box, optbench.check("only with a change", false, (on) => { changed = on; show(); }), status);
  }

  function copier(code) {
    const button = optbench.make("button", { type: "button", className: "copy", textContent: "copy" });
    button.setAttribute("aria-label", "copy the command");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "copied";
      } catch { // a page from a disk may not write to the clipboard; what is selected can be copied
        getSelection().selectAllChildren(code);
        button.textContent = "selected";
      }
    });
    code.after(button);
  }

  document.querySelectorAll("table.matrix").forEach(arrows);
  document.querySelectorAll("[data-filter]").forEach(filter);
  document.querySelectorAll("code.command").forEach(copier);
}
