/* Figures to explore: values under the pointer, one σ for a chapter, a film of dots,
   a network's answers. Plain script on the page's own data; without it, or where it
   fails, the figure is as it is. */
document.addEventListener("DOMContentLoaded", () => {
  const make = (tag, name, more = {}, ...inside) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    for (const [key, value] of Object.entries(more)) {
      if (key in element && key !== "list") element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...inside);
    return element;
  };
  const round = (v) => {
    const size = Math.abs(v);
    if (size >= 1000 && size < 1e7) return Math.round(v).toLocaleString("en");
    return String(+v.toPrecision(3)).replace("e+", "e");
  };
  const say = (v) => (v === null ? "undefined" : round(v).replace("-", "−"));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
  const interval = (low, high) =>
    low == null || high == null ? "" : ` (interval ${say(low)} to ${say(high)})`;
  const plain = (text) => text.replaceAll("\n", " ");
  const NS = "http://www.w3.org/2000/svg";
  const shape = (tag, attributes) => {
    const element = document.createElementNS(NS, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  let names = 0;
  const slider = (label, most, act) => {
    const id = `explore-${++names}`;
    const input = make("input", "", { type: "range", id, min: 0, max: most, value: 0 });
    input.addEventListener("input", () => act(+input.value));
    return [make("label", "", { htmlFor: id }, label), input];
  };

  /* Values under the pointer, or by the arrow keys. */
  const stops = (panels) =>
    panels.flatMap((panel) =>
      panel.cells
        ? panel.cells.map((cells, row) => ({
            panel,
            at: cells.map((value, column) => cellAt(panel, row, column, value)),
          }))
        : panel.lines.map((line) => ({
            panel,
            line,
            at: line.at.map(([left, top, x, y, low, high]) => ({
              left, top, x,
              words:
                `${line.name || panel.y} ${say(y)}${interval(low, high)}` +
                `, ${plain(panel.x) || "at"} ${say(x)}`,
            })),
          })),
    );
  const cellAt = (panel, row, column, value) => {
    const [left, top, right, bottom] = panel.box;
    const [rows, columns] = [panel.cells.length, panel.cells[0].length];
    const down = panel.down ? row : rows - 1 - row;
    const has = (table) => (table ? table[row][column] : null);
    return {
      left: left + ((column + 0.5) / columns) * (right - left),
      top: top + ((down + 0.5) / rows) * (bottom - top),
      words:
        `${panel.rows[row] ?? row}, ${panel.columns[column] ?? column}: ` +
        `${say(value)}${interval(has(panel.low), has(panel.high))}`,
    };
  };

  const values = (stage, panels) => {
    const lines = stops(panels);
    const marks = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" });
    const way = shape("polyline", { class: "way" });
    marks.append(way);
    const dot = make("i", "dot", { hidden: true });
    const words = make("output", "reading", { ariaLive: "polite", hidden: true });
    const reader = make("div", "reader", {
      tabIndex: 0,
      role: "application",
      "aria-roledescription": "figure with values",
      "aria-label": "Values of this figure: arrow keys go along a line and to the next",
    });
    stage.append(marks, dot, reader, words);
    let [line, place] = [0, -1];
    const show = (l, p) => {
      line = (l + lines.length) % lines.length;
      const stop = lines[line];
      place = clamp(p, 0, stop.at.length - 1);
      const { left, top, words: told } = stop.at[place];
      const title = plain(stop.panel.title || "");
      words.textContent = title ? `${title}: ${told}` : told;
      dot.style.cssText = `left:${left * 100}%;top:${top * 100}%`;
      const side = left > 0.5 ? `right:${(1 - left) * 100}%` : `left:${left * 100}%`;
      const above = top > 0.6 ? `bottom:${(1 - top) * 100}%` : `top:${top * 100}%`;
      words.style.cssText = `${above};${side}`;
      dot.hidden = words.hidden = false;
      const path = stop.line && stop.line.at.map((some) => some.slice(0, 2).join()).join(" ");
      way.setAttribute("points", path || "");
      if (stop.line) way.style.stroke = stop.line.color;
    };
    const hide = () => {
      dot.hidden = words.hidden = true;
      way.setAttribute("points", "");
    };
    const nearest = (event) => {
      const frame = reader.getBoundingClientRect();
      const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
      let found = [Infinity];
      lines.forEach((stop, l) =>
        stop.at.forEach((some, p) => {
          const far = Math.hypot(some.left * frame.width - x, some.top * frame.height - y);
          if (far < found[0]) found = [far, l, p];
        }),
      );
      if (found[0] < 60) show(found[1], found[2]);
      else hide();
    };
    const steps = {
      ArrowRight: () => show(line, place + 1),
      ArrowLeft: () => show(line, place - 1),
      ArrowUp: () => show(line + 1, place),
      ArrowDown: () => show(line - 1, place),
      Home: () => show(line, 0),
      End: () => show(line, Infinity),
      Escape: hide,
      Enter: () => open(),
    };
    const open = () =>
      [...stage.querySelectorAll("a.enlarge")].find((a) => a.offsetParent)?.click();
    reader.addEventListener("keydown", (event) => {
      if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      steps[event.key]();
    });
    reader.addEventListener("focus", () => place < 0 && show(0, 0));
    reader.addEventListener("blur", hide);
    reader.addEventListener("pointermove", nearest);
    reader.addEventListener("pointerdown", nearest);
    reader.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && hide());
    let touched = false;
    reader.addEventListener("pointerup", (event) => (touched = event.pointerType !== "mouse"));
    reader.addEventListener("click", () => touched || open());
  };

  /* One σ, or one size of network, for all figures of a chapter: a line across them,
     one of their lines in colour, or a row of a map. */
  const linked = [];
  const axisIn = (label) => /σ|^parameters$/.exec(label)?.[0];
  const named = (line) => +(/^σ = (.+)$/.exec(line.name)?.[1] ?? NaN);
  const sized = (row) => +row.replace(" k", "e3").replace(" M", "e6");
  const link = (stage, panels) => {
    for (const panel of panels) {
      const [left, top, right, bottom] = panel.box;
      const rows = panel.cells && axisIn(panel.y) === "parameters" && panel.rows.map(sized);
      const across = !panel.cells && axisIn(panel.x);
      const own = rows ? [] : (panel.lines || []).filter((line) => named(line) === named(line));
      if (!rows && !across && own.length < 2) continue;
      const marks = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" });
      const way = shape("polyline", { class: "sigma" });
      marks.append(way);
      stage.append(marks);
      const lines = across ? panel.lines : own;
      const all = rows || (across ? lines.flatMap((l) => l.at.map((a) => a[2])) : own.map(named));
      const at = (chosen) => {
        const near = (a, far = 1e-3) => chosen.some((b) => Math.abs(a - b) <= far * Math.abs(b));
        const told = [];
        let path = "";
        const row = rows ? rows.findIndex((some) => near(some, 5e-3)) : -1;
        if (row >= 0) {
          const high = (bottom - top) / rows.length;
          const y = top + (panel.down ? row : rows.length - 1 - row) * high;
          path = `${left},${y} ${right},${y} ${right},${y + high} ${left},${y + high} ${left},${y}`;
          const curve = panel.cells[row];
          told.push(curve.map((v, k) => `${panel.columns[k]} ${say(v)}`).join(", "));
        }
        for (const line of lines) {
          if (across) {
            const point = line.at.find((some) => near(some[2]));
            if (!point) continue;
            told.push(`${line.name || panel.y} ${say(point[3])}`);
            path = `${point[0]},${top} ${point[0]},${bottom}`;
          } else if (near(named(line))) {
            path = line.at.map((some) => some.slice(0, 2).join()).join(" ");
            const last = line.at[line.at.length - 1];
            told.push(`${panel.y} ${say(last[3])} at the end`);
            way.style.stroke = line.color;
          }
        }
        way.setAttribute("points", path);
        const title = plain(panel.title || (across ? panel.y : ""));
        return told.length ? `${title}${title && ": "}${told.join(", ")}` : "";
      };
      linked.push({ stage, across, axis: across || (rows ? "parameters" : "σ"), values: new Set(rows ? [] : all), at });
    }
  };
  const bar = (axis) => {
    const ours = linked.filter((some) => some.axis === axis);
    if (new Set(ours.map((some) => some.stage)).size < 2) return;
    const wide = ours.filter((some) => some.across);
    /* Figures that share a value belong together, as those of one data set do. */
    let groups = [];
    for (const { values: some } of wide.length > 1 ? wide : ours) {
      const apart = (group) => !group.flat().some((v) => some.has(v));
      const joined = groups.filter((group) => !apart(group)).flat();
      groups = [...groups.filter(apart), [...joined, [...some]]];
    }
    groups = groups
      .map((group) => group.flat().sort((a, b) => a - b))
      .map((all) => all.filter((v, k) => v === all[k + 1] && v !== all[k - 1]))
      .filter((all) => all.length > 1);
    const most = Math.max(0, ...groups.map((all) => all.length));
    if (most < 2) return;
    const words = make("output", "", { ariaLive: "polite" });
    const chosen = (k) => groups.flatMap((all) => all[k - most + all.length] ?? []);
    const here = (k) => {
      const values = chosen(k).map(say).join(" or ");
      return axis === "σ" ? `σ = ${values}` : `${values} parameters`;
    };
    const act = (k) => {
      const told = ours.map((some) => [some.stage, some.at(chosen(k))]);
      const seen = ([stage]) => {
        const frame = stage.getBoundingClientRect();
        return frame.bottom > 120 && frame.top < innerHeight;
      };
      const shown = told.filter(([, text]) => text);
      const first = (shown.find(seen) || shown[0] || [])[0];
      const texts = shown.filter(([stage]) => stage === first).map(([, text]) => text);
      input.setAttribute("aria-valuetext", here(k));
      words.textContent = `${here(k)}. ${texts.join("; ")}`;
    };
    const one = axis === "σ" ? "One σ" : "One size";
    const [label, input] = slider(`${one} in all figures`, most - 1, act);
    words.textContent = `Move it: a mark goes through every figure over ${axis}.`;
    let section = ours[0].stage;
    const top = document.querySelector(".bd-article section");
    while (section.parentElement !== top && section.parentElement) section = section.parentElement;
    if (!section.parentElement) return;
    const form = make("form", "sigma-bar", { role: "group", ariaLabel: one }, label, input, words);
    section.before(form);
    const last = ours[ours.length - 1].stage;
    const past = () => form.classList.toggle("past", last.getBoundingClientRect().bottom < 0);
    addEventListener("scroll", past, { passive: true });
  };

  /* What networks of several depths answer to an input. */
  const answers = (stage, data) => {
    const { sprite, columns, rows, cosines, kinds } = data;
    const tile = (name) => make("div", "tile", { role: "img", ariaLabel: name });
    const [input, answer] = [tile("input"), tile("answer")];
    const words = make("output", "", { ariaLive: "polite" });
    const state = { row: 0, column: 0 };
    const put = (element, row, column) => {
      element.style.backgroundImage = `url(${sprite})`;
      element.style.backgroundSize = `${columns * 100}% ${(rows.length + 1) * 100}%`;
      const share = (k, n) => (n > 1 ? (k / (n - 1)) * 100 : 0);
      element.style.backgroundPosition =
        `${share(column, columns)}% ${share(row, rows.length + 1)}%`;
    };
    const act = () => {
      const { row, column } = state;
      put(input, 0, column);
      put(answer, row + 1, column);
      const near = cosines[row][column];
      answer.ariaLabel = `answer, ${rows[row]}`;
      words.textContent =
        `${rows[row]}, input ${column + 1} of ${columns} (${kinds[column]}): ` +
        (near === null ? "the answer is undefined." : `the answer's cosine with the input is ${say(near)}.`);
      depth[1].setAttribute("aria-valuetext", rows[row]);
      which[1].setAttribute("aria-valuetext", `input ${column + 1}, ${kinds[column]}`);
    };
    const depth = slider("Network", rows.length - 1, (k) => act((state.row = k)));
    const which = slider("Input", columns - 1, (k) => act((state.column = k)));
    const tiles = make("div", "tiles", {}, input, make("span", "", {}, "→"), answer);
    stage.after(make("div", "explorer", {}, ...depth, ...which, tiles, words));
    act();
  };

  /* The same examples at several epochs, as dots that move. */
  const film = (stage, data) => {
    const { epochs, points, sets, given, truth, names: classes, setNames, sprite, across } = data;
    const count = sets.length;
    const canvas = make("canvas", "", { tabIndex: 0, role: "application",
      "aria-roledescription": "map of examples",
      "aria-label": `${count} examples as dots: arrow keys go to the next dot that way` });
    const words = make("output", "", { ariaLive: "polite" });
    const image = make("div", "tile", { role: "img", ariaLabel: "the example's image" });
    const hidden = new Set();
    const hues = new Map([...new Set(given)].map((k, i) => [k, data.colors[i % data.colors.length]]));
    const byTruth = make("input", "", { type: "checkbox" });
    let [epoch, shown, picked, only, timer] = [0, points[0].slice(), -1, "", 0];
    const visible = (i) =>
      !hidden.has(sets[i]) && (only === "" || given[i] === +only || truth[i] === +only);
    const size = () => canvas.clientWidth;
    const draw = () => {
      const [wide, ratio] = [size(), devicePixelRatio || 1];
      if (canvas.width !== Math.round(wide * ratio)) canvas.width = canvas.height = Math.round(wide * ratio);
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, wide, wide);
      const ink = getComputedStyle(canvas).color;
      for (let i = 0; i < count; i++) {
        if (!visible(i)) continue;
        const [x, y] = [shown[2 * i] * wide / 1000, shown[2 * i + 1] * wide / 1000];
        pen.fillStyle = pen.strokeStyle = hues.get((byTruth.checked ? truth : given)[i]) || "#888";
        pen.beginPath();
        if (sets[i] === 1) pen.rect(x - 2.5, y - 2.5, 5, 5);
        else pen.arc(x, y, 3, 0, 7);
        if (sets[i] === 2) pen.stroke();
        else pen.fill();
      }
      if (picked >= 0) {
        pen.strokeStyle = ink;
        pen.lineWidth = 2;
        pen.beginPath();
        pen.arc(shown[2 * picked] * wide / 1000, shown[2 * picked + 1] * wide / 1000, 8, 0, 7);
        pen.stroke();
        pen.lineWidth = 1;
      }
    };
    const pick = (i) => {
      picked = i;
      if (i >= 0) {
        const down = Math.ceil(count / across);
        image.style.backgroundImage = `url(${sprite})`;
        image.style.backgroundSize = `${across * 100}% ${down * 100}%`;
        image.style.backgroundPosition =
          `${((i % across) / Math.max(1, across - 1)) * 100}% ${(Math.floor(i / across) / Math.max(1, down - 1)) * 100}%`;
        const other = given[i] === truth[i] ? "" : `, true label ${classes[truth[i]]}`;
        words.textContent = `${setNames[sets[i]]}: ${sets[i] === 2 ? "" : "given "}label ${classes[given[i]]}${other}`;
      }
      draw();
    };
    const nearest = (x, y, fits = () => true) => {
      let found = [Infinity, -1];
      for (let i = 0; i < count; i++) {
        const [across_, down] = [shown[2 * i] - x, shown[2 * i + 1] - y];
        const far = Math.hypot(across_, down);
        if (visible(i) && far < found[0] && fits(across_, down, i)) found = [far, i];
      }
      return found;
    };
    const at = (event) => {
      const frame = canvas.getBoundingClientRect();
      const scale = 1000 / frame.width;
      const [far, i] = nearest((event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale);
      if (far < 30) pick(i);
    };
    canvas.addEventListener("pointermove", at);
    canvas.addEventListener("pointerdown", at);
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    canvas.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      const [x, y] = picked < 0 ? [500, 500] : [shown[2 * picked], shown[2 * picked + 1]];
      const ahead = (a, d, i) =>
        i !== picked && a * way[0] + d * way[1] > Math.abs(a * way[1] + d * way[0]);
      const [, i] = nearest(x, y, picked < 0 ? undefined : ahead);
      if (i >= 0) pick(i);
    });
    canvas.addEventListener("focus", () => picked < 0 && pick(nearest(500, 500)[1]));
    const go = (k) => {
      epoch = k;
      when[1].setAttribute("aria-valuetext", `epoch ${epochs[k]}`);
      when[0].textContent = `Epoch ${epochs[k]}`;
      cancelAnimationFrame(timer);
      const [from, to, start] = [shown.slice(), points[k], performance.now()];
      const step = (now) => {
        const share = still.matches ? 1 : clamp((now - start) / 400, 0, 1);
        shown = to.map((v, i) => from[i] + (v - from[i]) * share);
        draw();
        if (share < 1) timer = requestAnimationFrame(step);
      };
      step(still.matches ? Infinity : start);
    };
    const when = slider(`Epoch ${epochs[0]}`, epochs.length - 1, go);
    const boxes = setNames.map((name, k) => {
      const box = make("input", "", { type: "checkbox", checked: true });
      box.addEventListener("change", () => (box.checked ? hidden.delete(k) : hidden.add(k), draw()));
      return make("label", "", {}, box, ` ${name}`);
    });
    const shownClasses = [...hues.keys()].sort((a, b) => a - b);
    const choice = make("select", "", {}, new Option("all", ""), ...shownClasses.map((k) => new Option(classes[k], k)));
    choice.addEventListener("change", () => ((only = choice.value), draw()));
    byTruth.addEventListener("change", draw);
    const restored = make("label", "", {}, byTruth, " colours by true labels (restored)");
    const filters = make("div", "filters", {}, ...boxes, make("label", "", {}, "Class ", choice), restored);
    const about = make("div", "tiles", {}, image, words);
    stage.after(make("div", "explorer film", {}, ...when, filters, canvas, about));
    new ResizeObserver(draw).observe(canvas);
    pick(-1);
  };

  /* Each on its own: where one fails, its figure and all others stay. */
  const attempt = (act) => {
    try {
      act();
    } catch (error) {
      console.info("not to be explored:", error.message);
    }
  };
  for (const block of document.querySelectorAll(".explore")) {
    attempt(() => {
      const data = JSON.parse(block.textContent);
      let cell = block;
      while (cell && !cell.querySelector("a.enlarge")) cell = cell.previousElementSibling;
      const pictures = [...cell.querySelectorAll("a.enlarge")];
      const stage = make("div", "stage");
      pictures[0].before(stage);
      stage.append(...pictures);
      if (data.panels?.length) attempt(() => values(stage, data.panels));
      if (data.panels?.length) attempt(() => link(stage, data.panels));
      if (data.answers) attempt(() => answers(stage, data.answers));
      if (data.film) attempt(() => film(stage, data.film));
    });
  }
  for (const axis of ["σ", "parameters"]) attempt(() => bar(axis));
});
