"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const plots = [...document.querySelectorAll("[data-figure]")];
  const chosen = {};

  // Colours come from the style sheet, so that figures follow the theme of the page.
  function theme() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const axis = {
      gridcolor: colour("line"), linecolor: colour("strong"), zerolinecolor: colour("strong"), tickcolor: colour("strong"),
      automargin: true, title: { font: { size: 12 }, standoff: 6 }, tickfont: { size: 11 },
    };
    return {
      tones: [0, 1, 2, 3, 4, 5].map((number) => colour(`tone-${number}`)),
      template: {
        layout: {
          paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
          font: { color: colour("ink"), size: 12, family: getComputedStyle(document.body).fontFamily },
          title: { font: { size: 13 }, x: 0, xanchor: "left", xref: "container", y: 1, yref: "container", yanchor: "top", pad: { t: 8 } },
          margin: { l: 44, r: 12, t: 36, b: 44 }, xaxis: axis, yaxis: axis,
          legend: { font: { size: 11 } },
          hoverlabel: { bgcolor: colour("sheet"), bordercolor: colour("strong"), font: { color: colour("ink") } },
        },
      },
    };
  }

  function toned(trace, tones) {
    if (!trace.meta || trace.meta.tone === undefined) return trace;
    const color = tones[trace.meta.tone % tones.length];
    const marker = { ...trace.marker, color, line: { ...(trace.marker || {}).line, color } };
    return { ...trace, line: { ...trace.line, color }, marker };
  }

  // Figures are drawn when they come near the window: a page of twenty of them opens at once.
  const near = new Set();

  // Where a figure is put on paper, its width is fixed: plotly measures the window, which the paper does not change.
  let paper = false;

  function draw(names) {
    const { tones, template } = theme();
    for (const plot of plots) {
      const name = plot.dataset.figure;
      if (names && !names.includes(name)) continue;
      const spec = figures[name][chosen[name] || 0];
      plot.hidden = spec === null;
      if (spec === null || !(paper || near.has(plot))) continue;
      const { data, layout } = spec;
      const traces = data.map((trace) => toned(trace, tones));
      const size = paper ? { width: plot.clientWidth } : { autosize: true };
      const options = { displaylogo: false, responsive: true, displayModeBar: false };
      const drawn = plot.clientWidth;
      Plotly.react(plot, traces, { ...layout, ...size, template }, options);
      if (!paper && plot.querySelector(".main-svg").clientWidth !== drawn) Plotly.Plots.resize(plot);
      if (plot.dataset.watched) continue;
      plot.dataset.watched = "true";
      plot.on("plotly_click", ({ points }) => {
        const shown = points[0].customdata;
        if (typeof shown === "string") showCase(shown);
      });
    }
  }

  const watcher = new IntersectionObserver((entries) => {
    const fresh = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
    for (const plot of fresh) {
      near.add(plot);
      watcher.unobserve(plot);
    }
    if (fresh.length) draw(fresh.map((plot) => plot.dataset.figure));
  }, { rootMargin: "800px" });

  const dialog = document.getElementById("case-dialog");
  const gallery = dialog ? JSON.parse(document.getElementById("gallery").textContent) : null;
  const words = { pred_empty: "missed", truth_empty: "false find", both_empty: "absent" };
  const svg = (tag, given) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [key, value] of Object.entries(given)) node.setAttribute(key, value);
    return node;
  };

  function outlined(entry, prediction, label) {
    const [width, height] = entry.size;
    const drawn = svg("svg", {
      class: "overlay", viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
    });
    drawn.style.aspectRatio = entry.aspect;
    drawn.append(svg("image", { href: entry.uri, width, height, preserveAspectRatio: "none" }));
    gallery.classes.forEach((name, number) => {
      const group = svg("g", {});
      const title = svg("title", {});
      title.textContent = name;
      group.append(title, svg("path", { class: "errors", d: entry.truth[number] + prediction.outlines[number] }));
      for (const [kind, d] of [["truth", entry.truth[number]], ["prediction", prediction.outlines[number]]]) {
        const part = svg("g", { class: `of-${kind}` });
        part.append(svg("path", { class: "casing", d }), svg("path", { class: kind, d }));
        if (d) group.append(part);
      }
      drawn.append(group);
    });
    return drawn;
  }

  function caption(prediction, entry) {
    const candidate = gallery.candidates[prediction.candidate];
    const found = document.createElement("figcaption");
    const name = document.createElement("b");
    name.textContent = `${candidate.network}, ${candidate.label}`;
    const objects = prediction.objects.map(([value, status], number) =>
      `${gallery.classes[number]} ${status === "ok" ? value.toFixed(2) : words[status]}`);
    const unit = gallery.unit ? ` ${gallery.unit}` : "";
    found.append(name, ` (${candidate.roles}; ${prediction.place}, group ${entry.group})`, document.createElement("br"),
      `O ${prediction.overlap.toFixed(3)}, D ${prediction.distance.toFixed(2)}${unit}`, document.createElement("br"),
      `${gallery.metric}: ${objects.join(", ")}`);
    return found;
  }

  function showCase(name) {
    if (!gallery) return;
    const entry = gallery.cases[name];
    document.getElementById("case-title").textContent = entry ? name : `${name}: no picture in this page`;
    const pictures = (entry ? entry.predictions : []).map((prediction) => {
      const figure = document.createElement("figure");
      figure.className = "case";
      figure.append(outlined(entry, prediction, `${name} with outlines of truth and prediction`), caption(prediction, entry));
      return figure;
    });
    const frame = document.getElementById("case-pictures");
    frame.className = `panels three ${document.getElementById("overlays-pictures").className}`;
    frame.replaceChildren(...pictures);
    if (!dialog.open) dialog.showModal();
  }

  const choice = document.getElementById("case-choice");
  if (choice) choice.addEventListener("change", () => {
    if (choice.value !== "") showCase(choice.value);
    choice.value = "";
  });

  function sortTable(header, table) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const column = header.cellIndex;
    for (const other of header.parentElement.cells) {
      if (other.hasAttribute("aria-sort")) other.setAttribute("aria-sort", "none");
    }
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const key = (row) => {
      const cell = row.cells[column];
      return cell === undefined ? "" : cell.dataset.sort ?? cell.textContent.trim();
    };
    const numeric = header.classList.contains("number");
    for (const body of table.tBodies) {
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (a === "" || b === "") return (a === "") - (b === "");  // what is undefined stays below
        const order = numeric ? a - b : a.localeCompare(b, undefined, { numeric: true });
        return descending ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
    }
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    table.tHead.addEventListener("click", (event) => {
      const header = event.target.closest("th[aria-sort]");
      if (header && event.target.closest("button")) sortTable(header, table);
    });
  }

  for (const select of document.querySelectorAll("[data-switch]")) {
    const names = select.dataset.switch.split(" ");
    select.addEventListener("change", () => {
      for (const name of names) chosen[name] = select.selectedIndex;
      draw(names);
      if (select.dataset.panels) {
        const panels = [...document.getElementById(select.dataset.panels).children];
        panels.forEach((panel, number) => { panel.hidden = number !== select.selectedIndex; });
      }
    });
  }

  for (const button of document.querySelectorAll("[data-step]")) {
    button.addEventListener("click", () => {
      const select = document.getElementById(button.dataset.for);
      const count = select.options.length;
      select.selectedIndex = (select.selectedIndex + Number(button.dataset.step) + count) % count;
      select.dispatchEvent(new Event("change"));
    });
  }

  for (const button of document.querySelectorAll("[data-toggle]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      document.getElementById("overlays-pictures").classList.toggle(button.dataset.toggle, !shown);
    });
  }

  for (const field of document.querySelectorAll("[data-search]")) {
    field.addEventListener("input", () => {
      const wanted = field.value.toLowerCase().split(/\s+/);
      for (const row of document.querySelectorAll(`#${field.dataset.search} tbody tr`)) {
        const said = row.textContent.toLowerCase();
        row.classList.toggle("unfound", !wanted.every((word) => said.includes(word)));
      }
    });
  }

  for (const toolbar of document.querySelectorAll("[data-filter]")) {
    const buttons = [...toolbar.querySelectorAll("[data-value]")];
    toolbar.addEventListener("click", (event) => {
      const button = event.target.closest("[data-value]");
      if (!button) return;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      for (const row of document.querySelectorAll(`#${toolbar.dataset.filter} [data-filter-value]`)) {
        row.hidden = button.dataset.value !== "" && row.dataset.filterValue !== button.dataset.value;
      }
    });
  }

  for (const plot of plots) {
    plot.hidden = figures[plot.dataset.figure][0] === null;
    watcher.observe(plot);
  }
  if (plots.length) {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    const print = (printing) => {
      paper = printing;
      document.body.classList.toggle("paper", printing);
      draw();
    };
    addEventListener("beforeprint", () => print(true));
    addEventListener("afterprint", () => print(false));
    matchMedia("print").addEventListener("change", ({ matches }) => print(matches));
  }
})();
