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
          title: { font: { size: 13 }, x: 0, xanchor: "left", xref: "paper", y: 1, yref: "container", yanchor: "top", pad: { t: 8 } },
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

  function draw(names) {
    const { tones, template } = theme();
    for (const plot of plots) {
      const name = plot.dataset.figure;
      if (names && !names.includes(name)) continue;
      const spec = figures[name][chosen[name] || 0];
      plot.hidden = spec === null;
      if (spec === null) continue;
      const { data, layout } = spec;
      const traces = data.map((trace) => toned(trace, tones));
      Plotly.react(plot, traces, { ...layout, template }, { displaylogo: false, responsive: true, displayModeBar: false });
    }
  }

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

  if (plots.length) {
    draw();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw());
    matchMedia("print").addEventListener("change", () => draw());
  }
})();
