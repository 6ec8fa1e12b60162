// Data of the page: scripts that call `optbench.load`, since a browser fetches nothing else from a
// disk. A file's columns are unpacked when they are first drawn.
"use strict";

const optbench = { files: new Map() };

{
  const { files } = optbench;
  const loads = new Map();
  const root = document.documentElement.dataset.root ?? "";

  optbench.load = (name, data) => {
    const unpacked = new Map();
    data.column = (place) => {
      if (!unpacked.has(place)) unpacked.set(place, unpack(data.columns[place], data));
      return unpacked.get(place);
    };
    files.set(name, data);
  };

  // Returns a promise of a file's data; a second call does not load it again.
  optbench.ask = (name) => {
    if (!loads.has(name)) {
      loads.set(name, new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = `${root}data/${name}.js`;
        script.onload = () => resolve(files.get(name));
        script.onerror = () => reject(new Error(`${script.src} is not there`));
        document.head.append(script);
      }));
    }
    return loads.get(name);
  };

  // `f` and `d` are little-endian floats in base64; `=7*0.5` is seven times .5, `~3*2+0.5` is twice
  // column 3, plus .5.
  function unpack(text, data) {
    const kind = text[0];
    if (kind === "=") {
      const [count, value] = text.slice(1).split("*");
      return new Float64Array(Number(count)).fill(Number(value));
    }
    if (kind === "~") {
      const [, place, scale, offset] = /^~(\d+)\*(.+)\+(.+)$/.exec(text);
      return Float64Array.from(data.column(Number(place)), (value) => value * Number(scale) + Number(offset));
    }
    const bytes = Uint8Array.from(atob(text.slice(1)), (letter) => letter.charCodeAt(0));
    return kind === "f" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  }
}
