/* Figures to explore: values under the pointer, one σ for a chapter, a film of dots,
   a network's answers. Plain script on the page's own data; without it, or where it
   fails, the figure is as it is. */
document.addEventListener("DOMContentLoaded", () => {
  const make = (tag, name, more = {}, ...inside) => {
    const element = document.createElement(tag);
    if (name) element.className = name;
    for (const [key, value] of Object.entries(more)) {
      if (key in element) element[key] = value;
      else element.setAttribute(key, value);
    }
    element.append(...inside);
    return element;
  };
  const voice = (name, more) => make("output", name, { ariaLive: "polite", ...more });
  /* What keys move about in, and is told of itself. */
  const moved = (tag, name, ariaRoleDescription, ariaLabel) => {
    const more = { tabIndex: 0, role: "application", ariaRoleDescription, ariaLabel };
    return make(tag, name, more);
  };
  const listen = (element, types, act) =>
    types.split(" ").forEach((type) => element.addEventListener(type, act));
  const area = (element) => element.getBoundingClientRect();
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
    Object.entries(attributes).forEach((pair) => element.setAttribute(...pair));
    return element;
  };
  /* What lies over a drawing, in shares of its width and height. */
  const over = (...inside) => {
    const marks = shape("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none" });
    marks.append(...inside);
    return marks;
  };
  const trace = (line) => line.at.map((some) => some.slice(0, 2).join()).join(" ");
  /* A frame for one image of a sprite, which has so many across and down. */
  const frame = (name) => make("div", "tile", { role: "img", ariaLabel: name });
  const put = (element, sprite, across, down, column, row) => {
    const share = (k, n) => `${n > 1 ? (k / (n - 1)) * 100 : 0}%`;
    element.style.backgroundImage = `url(${sprite})`;
    element.style.backgroundSize = `${across * 100}% ${down * 100}%`;
    element.style.backgroundPosition = `${share(column, across)} ${share(row, down)}`;
  };
  let names = 0;
  const slider = (label, most, act) => {
    const id = `explore-${++names}`;
    const input = make("input", "", { type: "range", id, min: 0, max: most, value: 0 });
    listen(input, "input", () => act(+input.value));
    return [make("label", "", { htmlFor: id }, label), input];
  };

  /* Values under the pointer, or by the arrow keys: of a line in all panels that have
     it, of a cell with the curve of its row. */
  const stops = (panels) =>
    panels.flatMap((panel) =>
      panel.cells
        ? panel.cells.map((cells, row) => ({
            panel,
            row,
            at: cells.map((value, column) => cellAt(panel, row, column, value)),
          }))
        : panel.lines.map((line) => ({
            panel,
            line,
            at: line.at.map(([left, top, x, y, low, high]) => {
              const value = say(y) + interval(low, high);
              const where = `${plain(panel.x) || "at"} ${say(x)}`;
              const words = `${line.name || panel.y} ${value}, ${where}`;
              return { left, top, x, value, words };
            }),
          })),
    );
  const cellAt = (panel, row, column, value) => {
    const [left, top, right, bottom] = panel.box;
    const [rows, columns] = [panel.cells.length, panel.cells[0].length];
    const down = panel.down ? row : rows - 1 - row;
    const has = (table) => table?.[row][column];
    const told = say(value) + interval(has(panel.low), has(panel.high));
    const name = panel.columns[column] ?? column;
    const half = (right - left) / columns / 2;
    return {
      left: left + (2 * column + 1) * half,
      top: top + ((down + 0.5) / rows) * (bottom - top),
      half, name,
      value: told,
      words: `${panel.rows[row] ?? row}, ${name}: ${told}`,
    };
  };
  /* The same line in other panels over the same quantity; only one may name that. */
  const twins = ({ panel, line }, lines) =>
    lines.filter(
      (some) =>
        line?.name && some.line?.name === line.name && some.panel !== panel &&
        (some.panel.x || panel.x) === (panel.x || some.panel.x),
    );

  /* Below a map the curve of a row; the same row again, or none, goes back. */
  const curve = (stage) => {
    const words = voice();
    const plot = make("div", "plot", { ariaHidden: true });
    stage.after(make("div", "explorer curve", {}, plot, words));
    let shown = null;
    const draw = ({ panel, row, at }) => {
      const cells = panel.cells[row];
      const [low, high] = [panel.low, panel.high].map((table) => table?.[row] || []);
      const all = [...cells, ...low, ...high].filter((v) => v != null);
      const [least, most] = [Math.min(...all), Math.max(...all)];
      const x = (k) => (k + 0.5) / cells.length;
      const y = (v) => (most - v) / (most - least || 1);
      let [way, bars] = ["", ""];
      const told = [];
      cells.forEach((v, k) => {
        if (v === null) return;
        way += `${cells[k - 1] == null ? "M" : "L"}${x(k)} ${y(v)}h0`;
        if (low[k] != null) bars += `M${x(k)} ${y(low[k])}V${y(high[k])}`;
        told.push(`${at[k].name}: ${at[k].value}`);
      });
      const less = cells.length - told.length;
      if (less) told.push(`no value for ${less} of ${cells.length}`);
      const title = panel.title ? `${plain(panel.title)}, ` : "";
      words.textContent = `${title}${panel.rows[row] ?? row}. ${told.join("; ")}`;
      const ends = [say(most), say(least), at[0].name, at.at(-1).name];
      if (all.length)
        plot.append(
          over(shape("path", { d: bars, class: "bars" }), shape("path", { d: way })),
          ...ends.map((end) => make("span", "", {}, end)),
        );
    };
    return (stop) => {
      const before = shown;
      shown = stop === before ? null : stop;
      plot.replaceChildren();
      words.textContent = "";
      if (shown) draw(shown);
      return before;
    };
  };

  const values = (stage, panels) => {
    const lines = stops(panels);
    const turn = panels.some((panel) => panel.cells) ? curve(stage) : null;
    const ways = panels.map(() => shape("polyline", { class: "way" }));
    const dots = panels.map(() => make("i", "dot", { hidden: true }));
    const words = voice(turn ? "reading cell" : "reading", { hidden: true });
    const keys = "Values of this figure: arrow keys go along a line and to the next";
    const more = turn ? ", Enter shows the curve of a row" : "";
    const reader = moved("div", "reader", "figure with values", keys + more);
    stage.append(over(...ways), ...dots, reader, words);
    let [line, place] = [0, -1];
    const show = (l, p) => {
      hide();
      line = (l + lines.length) % lines.length;
      const stop = lines[line];
      place = clamp(p, 0, stop.at.length - 1);
      const { left, top, x, words: own } = stop.at[place];
      const others = twins(stop, lines);
      const told = [stop, ...others].flatMap(({ panel, line: way, at }) => {
        const k = panels.indexOf(panel);
        if (way) {
          ways[k].setAttribute("points", trace(way));
          ways[k].style.stroke = way.color;
        }
        const point = [at[place], ...at].find((some) => some?.x === x);
        if (!point) return [];
        dots[k].style.cssText = `left:${point.left * 100}%;top:${point.top * 100}%`;
        dots[k].hidden = false;
        if (panel === stop.panel) return own;
        const other = panel.title !== stop.panel.title && panel.title;
        return `${plain(other || panel.y)}: ${point.value}`;
      });
      const title = plain(stop.panel.title || (others.length ? stop.panel.y : ""));
      words.textContent = (title && `${title}: `) + told.join("; ");
      const side = left > 0.5 ? `right:${(1 - left) * 100}%` : `left:${left * 100}%`;
      const above = top > 0.6 ? `bottom:${(1 - top) * 100}%` : `top:${top * 100}%`;
      words.style.cssText = `${above};${side}`;
      words.hidden = false;
    };
    const hide = () => {
      words.hidden = true;
      dots.forEach((dot) => (dot.hidden = true));
      ways.forEach((way) => way.setAttribute("points", ""));
    };
    const nearest = (event) => {
      const frame = area(reader);
      const [x, y] = [event.clientX - frame.left, event.clientY - frame.top];
      let found = [Infinity];
      lines.forEach((stop, l) =>
        stop.at.forEach((some, p) => {
          const [left, top] = [some.left * frame.width, some.top * frame.height];
          const far = Math.hypot(left - x, top - y) - (some.half || 0) * frame.width;
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
      Escape: () => turn?.(null) || hide(),
      Enter: () => open(),
    };
    const open = (finger) => {
      if (!lines[line].line && !words.hidden) turn(lines[line]);
      else if (!finger)
        [...stage.querySelectorAll("a.enlarge")].find((a) => a.offsetParent)?.click();
    };
    listen(reader, "keydown", (event) => {
      if (!(event.key in steps) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      steps[event.key]();
    });
    listen(reader, "focus", () => place < 0 && show(0, 0));
    listen(reader, "blur", hide);
    listen(reader, "pointermove pointerdown", nearest);
    listen(reader, "pointerleave", (event) => event.pointerType === "mouse" && hide());
    let touched = false;
    listen(reader, "pointerup", (event) => (touched = event.pointerType !== "mouse"));
    listen(reader, "click", (event) => {
      nearest(event); // focus has shown the first value wherever it was clicked
      open(touched);
    });
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
      const way = shape("polyline", { class: "sigma" });
      stage.append(over(way));
      const lines = across ? panel.lines : own;
      const all = across ? lines.flatMap((l) => l.at.map((a) => a[2])) : own.map(named);
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
            path = trace(line);
            const last = line.at[line.at.length - 1];
            told.push(`${panel.y} ${say(last[3])} at the end`);
            way.style.stroke = line.color;
          }
        }
        way.setAttribute("points", path);
        const title = plain(panel.title || (across ? panel.y : ""));
        return told.length ? `${title}${title && ": "}${told.join(", ")}` : "";
      };
      const axis = across || (rows ? "parameters" : "σ");
      linked.push({ stage, across, axis, values: new Set(all), at });
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
    const words = voice();
    const chosen = (k) => groups.flatMap((all) => all[k - most + all.length] ?? []);
    const here = (k) => {
      const values = chosen(k).map(say).join(" or ");
      return axis === "σ" ? `σ = ${values}` : `${values} parameters`;
    };
    const act = (k) => {
      const told = ours.map((some) => [some.stage, some.at(chosen(k))]);
      const seen = ([stage]) => {
        const frame = area(stage);
        return frame.bottom > 120 && frame.top < innerHeight;
      };
      const shown = told.filter(([, text]) => text);
      const first = (shown.find(seen) || shown[0] || [])[0];
      const texts = shown.filter(([stage]) => stage === first).map(([, text]) => text);
      input.ariaValueText = here(k);
      words.textContent = `${here(k)}. ${texts.join("; ")}`;
    };
    const one = axis === "σ" ? "One σ" : "One size";
    const [label, input] = slider(`${one} in all figures`, most - 1, act);
    words.textContent = `Move it: a mark goes through every figure over ${axis}.`;
    const parts = [...document.querySelectorAll(".bd-article section > *")];
    const section = parts.find((part) => part.contains(ours[0].stage));
    if (!section) return;
    const form = make("form", "sigma-bar", { role: "group", ariaLabel: one }, label, input, words);
    section.before(form);
    const last = ours[ours.length - 1].stage;
    const past = () => form.classList.toggle("past", area(last).bottom < 0);
    addEventListener("scroll", past, { passive: true });
  };

  /* What networks of several depths answer to an input. */
  const answers = (stage, data) => {
    const { sprite, columns, rows, cosines, kinds } = data;
    const [input, answer] = ["input", "answer"].map(frame);
    const words = voice();
    let [row, column] = [0, 0];
    const act = () => {
      [input, answer].forEach((some, k) =>
        put(some, sprite, columns, rows.length + 1, column, k && row + 1),
      );
      const near = cosines[row][column];
      answer.ariaLabel = `answer, ${rows[row]}`;
      words.textContent =
        `${rows[row]}, input ${column + 1} of ${columns} (${kinds[column]}): ` +
        (near === null ? "the answer is undefined." : `the answer's cosine with the input is ${say(near)}.`);
      depth[1].ariaValueText = rows[row];
      which[1].ariaValueText = `input ${column + 1}, ${kinds[column]}`;
    };
    const depth = slider("Network", rows.length - 1, (k) => act((row = k)));
    const which = slider("Input", columns - 1, (k) => act((column = k)));
    const tiles = make("div", "tiles", {}, input, make("span", "", {}, "→"), answer);
    stage.after(make("div", "explorer", {}, ...depth, ...which, tiles, words));
    act();
  };

  /* The same examples at several epochs, as dots that move. */
  const film = (stage, data) => {
    const { epochs, points, sets, given, truth, names: classes, setNames, sprite, across } = data;
    const count = sets.length;
    const keys = `${count} examples as dots: arrow keys go to the next dot that way`;
    const canvas = moved("canvas", "", "map of examples", keys);
    const words = voice();
    const image = frame("the example's image");
    const hidden = new Set();
    const hues = new Map([...new Set(given)].map((k, i) => [k, data.colors[i % data.colors.length]]));
    let [shown, picked, only, timer, labels] = [points[0].slice(), -1, "", 0, given];
    const spot = (i) => [shown[2 * i], shown[2 * i + 1]];
    const visible = (i) =>
      !hidden.has(sets[i]) && (only === "" || given[i] === +only || truth[i] === +only);
    const draw = () => {
      const [wide, ratio] = [canvas.clientWidth, devicePixelRatio];
      if (canvas.width !== Math.round(wide * ratio)) canvas.width = canvas.height = Math.round(wide * ratio);
      const pen = canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      pen.clearRect(0, 0, wide, wide);
      const ink = getComputedStyle(canvas).color;
      const scaled = (v) => (v * wide) / 1000;
      for (let i = 0; i < count; i++) {
        if (!visible(i)) continue;
        const [x, y] = spot(i).map(scaled);
        pen.fillStyle = pen.strokeStyle = hues.get(labels[i]) || "#888";
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
        pen.arc(...spot(picked).map(scaled), 8, 0, 7);
        pen.stroke();
        pen.lineWidth = 1;
      }
    };
    const pick = (i) => {
      picked = i;
      if (i >= 0) {
        const [down, row] = [Math.ceil(count / across), Math.floor(i / across)];
        put(image, sprite, across, down, i % across, row);
        const other = given[i] === truth[i] ? "" : `, true label ${classes[truth[i]]}`;
        words.textContent = `${setNames[sets[i]]}: ${sets[i] === 2 ? "" : "given "}label ${classes[given[i]]}${other}`;
      }
      draw();
    };
    const nearest = (x, y, fits = () => true) => {
      let found = [Infinity, -1];
      for (let i = 0; i < count; i++) {
        const [across_, down] = spot(i).map((v, k) => v - [x, y][k]);
        const far = Math.hypot(across_, down);
        if (visible(i) && far < found[0] && fits(across_, down, i)) found = [far, i];
      }
      return found;
    };
    const at = (event) => {
      const frame = area(canvas);
      const scale = 1000 / frame.width;
      const [far, i] = nearest((event.clientX - frame.left) * scale, (event.clientY - frame.top) * scale);
      if (far < 30) pick(i);
    };
    listen(canvas, "pointermove pointerdown", at);
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    listen(canvas, "keydown", (event) => {
      const way = ways[event.key];
      if (!way) return;
      event.preventDefault();
      const [x, y] = picked < 0 ? [500, 500] : spot(picked);
      const ahead = (a, d, i) =>
        i !== picked && a * way[0] + d * way[1] > Math.abs(a * way[1] + d * way[0]);
      const [, i] = nearest(x, y, picked < 0 ? undefined : ahead);
      if (i >= 0) pick(i);
    });
    listen(canvas, "focus", () => picked < 0 && pick(nearest(500, 500)[1]));
    const go = (k) => {
      when[1].ariaValueText = `epoch ${epochs[k]}`;
      when[0].textContent = `Epoch ${epochs[k]}`;
      cancelAnimationFrame(timer);
      const [from, to, start] = [shown.slice(), points[k], performance.now()];
      const step = (now) => {
        const share = clamp((now - start) / 400, 0, 1);
        shown = to.map((v, i) => from[i] + (v - from[i]) * share);
        draw();
        if (share < 1) timer = requestAnimationFrame(step);
      };
      step(still.matches ? Infinity : start);
    };
    const when = slider(`Epoch ${epochs[0]}`, epochs.length - 1, go);
    const check = (text, checked, act) => {
      const box = make("input", "", { type: "checkbox", checked });
      listen(box, "change", () => draw(act(box.checked)));
      return make("label", "", {}, box, ` ${text}`);
    };
    const boxes = setNames.map((name, k) =>
      check(name, true, (on) => (on ? hidden.delete(k) : hidden.add(k))),
    );
    const shownClasses = [...hues.keys()].sort((a, b) => a - b);
    const choice = make("select", "", {}, new Option("all", ""), ...shownClasses.map((k) => new Option(classes[k], k)));
    listen(choice, "change", () => draw((only = choice.value)));
    const colour = (on) => (labels = on ? truth : given);
    const restored = check("colours by true labels (restored)", false, colour);
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
      for (const [show, part] of [
        [values, data.panels],
        [link, data.panels],
        [answers, data.answers],
        [film, data.film],
      ])
        if (part) attempt(() => show(stage, part));
    });
  }
  for (const axis of ["σ", "parameters"]) attempt(() => bar(axis));
});
