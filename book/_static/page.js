/* A page: all its code at once, and previews of what links on it lead to. */
document.addEventListener("DOMContentLoaded", () => {
  const code = [...document.querySelectorAll("details.hide")];
  const title = document.querySelector(".bd-article h1");
  if (code.length && title) {
    const button = document.createElement("button");
    button.className = "show-code";
    button.type = "button";
    const label = () => {
      const open = code.every((some) => some.open);
      button.textContent = open ? "Hide all code" : "Show all code";
      button.ariaExpanded = open;
      return open;
    };
    button.addEventListener("click", () => {
      const open = label();
      code.forEach((some) => (some.open = !open));
      label();
    });
    code.forEach((some) => some.addEventListener("toggle", label));
    label();
    title.after(button);
  }

  /* What scrolls sideways can be reached by keyboard. */
  const frames =
    ".claims-frame, .pst-scrollable-table-container, div.math, .bd-article .output.text_html";
  const reach = (frame) => {
    if (frame.scrollWidth > frame.clientWidth) frame.tabIndex = 0;
    else frame.removeAttribute("tabindex");
  };
  const watch = new ResizeObserver((all) => all.forEach(({ target }) => reach(target)));
  document.querySelectorAll(frames).forEach((frame) => watch.observe(frame));

  const preview = document.createElement("div");
  preview.className = "preview";
  preview.role = "tooltip";
  preview.id = "link-preview";
  preview.hidden = true;
  document.body.append(preview);
  const hide = () => (preview.hidden = true);
  const place = (link) => {
    const at = link.getBoundingClientRect();
    const left = Math.min(at.left, innerWidth - preview.offsetWidth - 8);
    preview.style.left = `${Math.max(8, left) + scrollX}px`;
    const below = at.bottom + preview.offsetHeight + 8 < innerHeight;
    const top = below ? at.bottom + 6 : at.top - preview.offsetHeight - 6;
    preview.style.top = `${Math.max(4, top) + scrollY}px`;
  };
  const show = (link) => {
    const name = decodeURIComponent(link.hash.slice(1));
    const target = link.pathname === location.pathname && document.getElementById(name);
    if (link.dataset.preview) preview.textContent = link.dataset.preview;
    else if (target && target.matches("figure, div.math, .verdict-line, div.citation")) {
      const copy = target.cloneNode(true);
      [copy, ...copy.querySelectorAll("[id]")].forEach((some) => some.removeAttribute("id"));
      copy.querySelectorAll("details, a.headerlink").forEach((some) => some.remove());
      preview.replaceChildren(copy);
    } else return;
    preview.hidden = false;
    place(link);
  };
  document.querySelectorAll(".bd-article a[href*='#']").forEach((link) => {
    const here = () => show(link);
    ["mouseenter", "focus"].forEach((on) => link.addEventListener(on, here));
    ["mouseleave", "blur"].forEach((on) => link.addEventListener(on, hide));
  });
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
});
