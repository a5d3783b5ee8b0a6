"use strict";
(() => {
  // What is kept in the address: filter and order of each table, as in #cases.filter=full&cases.sort=ratio.
  const kept = new Map();
  const isState = (text) => text.includes("=");
  function readAddress() {
    const text = decodeURI(location.hash.slice(1));
    if (!isState(text)) return;
    kept.clear();
    for (const [name, value] of new URLSearchParams(text)) kept.set(name, value);
  }
  function keep(name, value) {
    if (value) kept.set(name, value); else kept.delete(name);
    const text = new URLSearchParams([...kept]).toString();
    try { history.replaceState(null, "", text ? "#" + text : location.pathname + location.search); } catch { location.hash = text; }
  }
  function make(tag, text, className) {
    const element = document.createElement(tag);
    if (text) element.textContent = text;
    if (className) element.className = className;
    return element;
  }

  // Tables: a button in every head sorts, a field above the table filters its rows.
  const valueOf = (row, column) => {
    const cell = row.cells[column], text = cell.dataset.sort ?? cell.querySelector("span")?.textContent ?? cell.textContent;
    const number = Number(text.replace(/[,\s%x]/g, ""));
    return text.trim() !== "" && Number.isFinite(number) ? number : text.trim();
  };
  function compare(first, second) {
    if (first === "" || second === "") return first === second ? 0 : first === "" ? 1 : -1;
    if (typeof first === "number" && typeof second === "number") return first - second;
    return String(first).localeCompare(String(second), undefined, { numeric: true });
  }
  function order(table, heads, rows, column, direction) {
    heads.forEach((head, place) => {
      if (place === column && direction) head.setAttribute("aria-sort", direction); else head.removeAttribute("aria-sort");
    });
    const sign = direction === "descending" ? -1 : 1;
    const sorted = direction ? rows.slice().sort((a, b) => {
      const [x, y] = [valueOf(a, column), valueOf(b, column)];
      return x === "" || y === "" ? compare(x, y) : sign * compare(x, y);
    }) : rows;
    table.tBodies[0].append(...sorted);
  }
  function arm(table) {
    const name = table.dataset.name || "", rows = [...table.tBodies[0].rows], heads = [...table.tHead.rows[0].cells];
    const labels = heads.map((head) => head.querySelector("span").textContent);
    const next = { ascending: "descending", descending: "" };
    heads.forEach((head, column) => {
      if ("fixed" in head.dataset || rows.length < 2 || !labels[column]) return;
      const label = head.querySelector("span"), button = make("button", label.textContent);
      button.type = "button";
      label.replaceChildren(button);
      button.addEventListener("click", () => {
        const direction = next[head.getAttribute("aria-sort")] ?? "ascending";
        order(table, heads, rows, column, direction);
        if (name) keep(`${name}.sort`, direction ? `${labels[column]}:${direction}` : "");
      });
    });
    if (!table.classList.contains("filtered")) return;
    const tools = make("div", "", "tools"), label = make("label", "Filter "), field = make("input"), count = make("span", "", "quiet");
    field.type = "search";
    field.spellcheck = false;
    field.placeholder = "words, all of which a row has";
    count.setAttribute("role", "status");
    label.append(field);
    tools.append(label, count);
    table.closest(".scroll").before(tools);
    const texts = rows.map((row) => row.textContent.toLowerCase());
    function filter() {
      const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        shown += row.hidden ? 0 : 1;
      });
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    }
    field.addEventListener("input", () => { filter(); keep(`${name}.filter`, field.value.trim()); });
    table.restore = () => {
      field.value = kept.get(`${name}.filter`) ?? "";
      filter();
      const [column, direction] = (kept.get(`${name}.sort`) ?? "").split(/:(?=[a-z]+$)/);
      const place = labels.indexOf(column);
      order(table, heads, rows, place, place < 0 ? "" : direction);
    };
  }

  // Folds: a link to what is inside of one opens it, and a button opens all of a section.
  function reveal() {
    const text = decodeURIComponent(location.hash.slice(1));
    const target = isState(text) ? null : document.getElementById(text);
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    target?.scrollIntoView({ block: "start" });
  }
  function addOpener(section) {
    const folds = [...section.querySelectorAll("details")];
    if (folds.length < 2) return;
    const tools = make("div", "", "tools"), button = make("button", "Open all", "plain");
    button.type = "button";
    button.addEventListener("click", () => {
      const open = button.textContent === "Open all";
      folds.forEach((fold) => { fold.open = open; });
      button.textContent = open ? "Close all" : "Open all";
    });
    tools.append(button);
    section.querySelector("details").before(tools);
  }

  // Flame graphs: a click enlarges a frame to the width of the graph, and a field marks what it finds.
  function armFlame(svg) {
    const WIDTH = svg.viewBox.baseVal.width;
    const frames = [...svg.querySelectorAll("g")].map((group) => {
      const box = group.querySelector("rect"), title = group.querySelector("title").textContent;
      return {
        group, box, title, name: title.split(" · ")[0],
        left: Number(box.getAttribute("x")), width: Number(box.getAttribute("width")), row: Number(box.getAttribute("y")),
      };
    });
    const whole = frames[0];
    function zoom(target) {
      const scale = WIDTH / target.width;
      for (const frame of frames) {
        const above = frame.row < target.row && frame.left <= target.left + 0.01 && frame.left + frame.width >= target.left + target.width - 0.01;
        const inside = frame.row >= target.row && frame.left >= target.left - 0.01 && frame.left + frame.width <= target.left + target.width + 0.01;
        frame.group.setAttribute("visibility", above || inside ? "visible" : "hidden");
        const left = above ? 0 : (frame.left - target.left) * scale, width = above ? WIDTH : frame.width * scale;
        frame.box.setAttribute("x", left.toFixed(2));
        frame.box.setAttribute("width", Math.max(0, width).toFixed(2));
        label(frame, left, width);
      }
    }
    function label(frame, left, width) {
      let text = frame.group.querySelector("text");
      const room = Math.floor((width - 6) / 6.1);
      if (width < 34) { text?.remove(); return; }
      if (!text) {
        text = document.createElementNS("http://www.w3.org/2000/svg", "text");
        text.setAttribute("y", (frame.row + 12.5).toString());
        frame.group.append(text);
      }
      text.setAttribute("x", (left + 3).toFixed(2));
      text.textContent = frame.name.length <= room ? frame.name : frame.name.slice(0, Math.max(1, room - 1)) + "…";
    }
    svg.addEventListener("click", (event) => {
      const group = event.target.closest("g"), frame = frames.find((candidate) => candidate.group === group);
      if (frame) zoom(frame);
    });
    const tools = make("div", "", "tools"), field = make("input"), name = make("label", "Find "), back = make("button", "Whole pass", "plain");
    field.type = "search";
    field.placeholder = "functions or files";
    back.type = "button";
    back.addEventListener("click", () => zoom(whole));
    field.addEventListener("input", () => {
      const text = field.value.trim().toLowerCase();
      svg.classList.toggle("searching", text !== "");
      for (const frame of frames) frame.group.classList.toggle("hit", text !== "" && frame.title.toLowerCase().includes(text));
    });
    name.append(field);
    tools.append(name, back);
    svg.before(tools);
  }

  // Commands name the page by the name that its file has now.
  function nameFile(list) {
    const file = decodeURIComponent(location.pathname.split("/").pop());
    if (!file) return;
    const name = /^[\w.@%+=:,-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\"'\"'")}'`;
    for (const code of list.querySelectorAll("code")) code.textContent = code.textContent.replaceAll(list.dataset.page, () => name);
  }

  // The documents inside the page, as the files that perfbench saves.
  async function save(script) {
    const packed = Uint8Array.from(atob(script.textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    const link = make("a"), suffix = { run: "", profile: ".profile", advice: ".advice" }[script.dataset.kind] ?? "";
    link.href = URL.createObjectURL(await new Response(stream).blob());
    link.download = `${script.dataset.name.replace(/[^\w.-]+/g, "_")}${suffix}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  readAddress();
  document.querySelectorAll("main table:not(.difference table)").forEach(arm);
  const restore = () => document.querySelectorAll("table.filtered").forEach((table) => table.restore());
  restore();
  document.querySelectorAll("main > section").forEach(addOpener);
  document.querySelectorAll("svg.flame").forEach(armFlame);
  document.querySelectorAll("dl.commands[data-page]").forEach(nameFile);
  addEventListener("hashchange", () => { if (isState(location.hash)) { readAddress(); restore(); } else reveal(); });
  if (location.hash) reveal();
  const button = document.getElementById("save");
  if (button && "DecompressionStream" in window) {
    button.hidden = false;
    button.addEventListener("click", () => document.querySelectorAll("script.perfbench-document").forEach(save));
  }
})();
