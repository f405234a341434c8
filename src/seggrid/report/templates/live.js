"use strict";
(() => {
  const SECONDS = 2;
  const at = (name) => document.getElementById(name);
  const pages = at("pages"), hold = at("hold");
  let shown = null, coming = null, version = "", since = 0;

  // Everything whose state a reader may have changed, each under a key that it has in the next page as well.
  function controls(page) {
    const found = new Map();
    const name = (node) => node.id || node.name || node.getAttribute("aria-label") ||
      JSON.stringify(node.dataset) + (node.querySelector("summary") || node).textContent.trim();
    for (const node of page.querySelectorAll("select, input, textarea, button[aria-pressed], details, th[aria-sort], .table-frame")) {
      const place = node.closest("table, [data-filter]");
      const words = [node.tagName, node.closest("section")?.id, place && name(place).slice(0, 80), name(node).slice(0, 200)];
      let key = words.join("\n");
      while (found.has(key)) key += "'";
      found.set(key, node);
    }
    return found;
  }

  function read(node) {
    if (node.matches("select")) return node.selectedOptions[0]?.textContent;
    if (node.matches("[type=checkbox], [type=radio]")) return node.checked;
    if (node.matches("input, textarea")) return node.value;
    if (node.matches("button")) return node.getAttribute("aria-pressed");
    if (node.matches("details")) return node.open;
    if (node.matches("th")) return node.getAttribute("aria-sort");
    return `${node.scrollLeft} ${node.scrollTop}`;
  }

  function write(node, value) {
    const tell = (...kinds) => kinds.forEach((kind) => node.dispatchEvent(new Event(kind, { bubbles: true })));
    if (node.matches("select")) {
      const index = [...node.options].findIndex((option) => option.textContent === value);
      if (index >= 0) { node.selectedIndex = index; tell("input", "change"); }
    } else if (node.matches("[type=checkbox], [type=radio]")) {
      node.checked = value; tell("input", "change");
    } else if (node.matches("input, textarea")) {
      node.value = value; tell("input", "change");
    } else if (node.matches("button")) {
      node.click();
    } else if (node.matches("details")) {
      node.open = value;
    } else if (node.matches("th")) {
      // The first click sorts up, the second down; nothing takes a sorting back.
      for (let click = 0; click < 2 && value !== "none" && read(node) !== value; click++) node.querySelector("button").click();
    } else {
      [node.scrollLeft, node.scrollTop] = value.split(" ").map(Number);
    }
  }

  // What stands at the upper edge: pages grow above it, so a distance from the top would not do.
  function place(view) {
    const top = (node) => node.getBoundingClientRect().top;
    const named = [...view.document.querySelectorAll("main [id]:not(svg *)")].filter((node) => node.offsetParent);
    const above = named.filter((node) => top(node) <= 1).pop();
    return view.scrollY && above ? [above.id, top(above)] : null;
  }

  function take(from, to) {
    const old = controls(from.document), fresh = controls(to.document);
    // Of buttons that exclude each other, the one that is chosen undoes the others.
    const rank = ([, node]) => (node.matches("button") ? (read(node) === "true" ? 0 : 1) : node.matches(".table-frame") ? 3 : 2);
    for (const [key, node] of [...old].sort((a, b) => rank(a) - rank(b))) {
      const next = fresh.get(key), value = read(node);
      if (next && read(next) !== value) write(next, value);
    }
    const [id, top] = place(from) || [];
    const anchor = id && to.document.getElementById(id);
    const y = anchor ? to.scrollY + anchor.getBoundingClientRect().top - top : from.scrollY;
    to.scrollTo({ left: from.scrollX, top: y, behavior: "instant" });
    const focused = [...old].find(([, node]) => node.contains(from.document.activeElement) && from.document.activeElement !== from.document.body);
    if (focused && document.activeElement === shown) {
      const next = fresh.get(focused[0]);
      (next?.matches("th") ? next.querySelector("button") : next)?.focus({ preventScroll: true });
    }
  }

  function bring(next) {
    coming = document.createElement("iframe");
    coming.className = "coming";
    coming.title = "Report";
    coming.addEventListener("load", () => {
      if (shown && reading()) {
        coming.remove();
        coming = null;
        return;
      }
      if (shown) take(shown.contentWindow, coming.contentWindow);
      const focused = shown && document.activeElement === shown;
      coming.className = "";
      if (focused && coming.contentDocument.activeElement === coming.contentDocument.body) coming.focus();
      shown?.remove();
      [shown, coming, version, since] = [coming, null, next, Date.now()];
      tellAge();
    }, { once: true });
    coming.src = `report?${next}`;
    pages.append(coming);
  }

  const reading = () => hold.getAttribute("aria-pressed") === "true" ||
    shown?.contentWindow.getSelection()?.type === "Range" || shown?.contentDocument.querySelector("dialog[open]");

  function tellAge() {
    const minutes = Math.floor((Date.now() - since) / 60000);
    const waiting = at("age").dataset.newer === "yes" ? "; a newer one is there" : "";
    at("age").textContent = since ? `page of ${minutes ? `${minutes} min ago` : "just now"}${waiting}` : "";
  }

  function tell(state) {
    const change = (node, text) => { if (node.textContent !== text) node.textContent = text; };
    if (state.progress) change(at("progress"), state.progress);
    change(at("problem"), state.problem);
    at("problem").hidden = !state.problem;
    at("age").dataset.newer = state.version !== version && since && reading() ? "yes" : "no";
    tellAge();
  }

  async function look() {
    if (!document.hidden) {
      try {
        const answer = await fetch("state", { cache: "no-store" });
        if (!answer.ok) throw new Error(answer.statusText);
        const state = await answer.json();
        if (state.problem && since) state.problem = `This is the last page that could be made: ${state.problem}`;
        tell(state);
        if (state.version && state.version !== version && !coming && !reading()) bring(state.version);
      } catch {
        tell({ problem: "The server does not answer; this page stays as it is.", version });
      }
    }
  }

  hold.addEventListener("click", () => hold.setAttribute("aria-pressed", String(hold.getAttribute("aria-pressed") !== "true")));
  document.addEventListener("visibilitychange", look);
  setInterval(look, 1000 * SECONDS);
  look();
})();
