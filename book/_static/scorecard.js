/* The scorecard: filter by paper, verdict, scale and text, and sort. Without it, tables. */
document.addEventListener("DOMContentLoaded", () => {
  const tables = [...document.querySelectorAll("table.scorecard")];
  if (!tables.length) return;
  const groups = tables.flatMap((table) => [...table.tBodies]);
  groups.forEach((group, i) => (group.dataset.place = i));
  const rows = (group) => [...group.querySelectorAll("tr[data-verdict]")];
  const values = (key) => [
    ...new Set(groups.flatMap((g) => (key === "paper" ? [g] : rows(g)).map((e) => e.dataset[key]))),
  ];
  const order = ["not reproduced", "undecided", "reproduced", "not tested"];

  const make = (tag, more) => Object.assign(document.createElement(tag), more);
  const form = make("form", { className: "scorecard-form", role: "search" });
  form.ariaLabel = "Filter and sort the claims";
  const field = (name, label, control) => {
    const box = make("label", { textContent: label });
    control.name = name;
    box.append(control);
    form.append(box);
    return control;
  };
  const select = (name, label, options) => {
    const control = make("select");
    options.forEach(([value, text]) => control.add(new Option(text, value)));
    return field(name, label, control);
  };
  const choice = (name, label) =>
    select(name, label, [["", "all"], ...values(name).map((v) => [v, v])]);
  const wanted = {
    paper: choice("paper", "Paper "),
    verdict: choice("verdict", "Verdict "),
    scale: choice("scale", "Scale "),
  };
  const text = field("text", "Text ", make("input", { type: "search" }));
  const sort = select("sort", "Order ", [["place", "by figure"], ["verdict", "by verdict"]]);
  const count = make("output", { ariaLive: "polite" });
  form.append(count);
  const start = document.querySelector("table.scorecard").closest("section");
  start.before(form);

  const weakest = (group) =>
    Math.min(...rows(group).map((row) => order.indexOf(row.dataset.verdict)));
  const show = () => {
    const asked = text.value.trim().toLowerCase();
    let shown = 0;
    groups.forEach((group) => {
      const found =
        (!wanted.paper.value || wanted.paper.value === group.dataset.paper) &&
        group.textContent.toLowerCase().includes(asked);
      let some = false;
      rows(group).forEach((row) => {
        row.hidden = ["verdict", "scale"].some(
          (key) => wanted[key].value && wanted[key].value !== row.dataset[key],
        );
        some ||= !row.hidden;
      });
      group.hidden = !(found && some);
      shown += !group.hidden;
    });
    tables.forEach((table) => {
      const key = (g) => (sort.value === "verdict" ? weakest(g) : 0);
      [...table.tBodies]
        .sort((a, b) => key(a) - key(b) || a.dataset.place - b.dataset.place)
        .forEach((group) => table.append(group));
    });
    count.textContent = `${shown} of ${groups.length} claims`;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  show();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
});
