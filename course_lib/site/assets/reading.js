// What a page does beside its pictures: the switch between light and dark, search, the part that is being read.
const page = document.documentElement;
const root = document.body.dataset.root ?? "";

/** @param {string} selector @returns {any} */
const one = (selector) => document.querySelector(selector);

function themeSwitch() {
  const button = one(".theme");
  const other = () => (page.dataset.theme === "dark" ? "light" : "dark");
  const show = () => {
    button.textContent = other() === "dark" ? "Dark page" : "Light page";
  };
  button.addEventListener("click", () => {
    page.dataset.theme = other();
    try {
      localStorage.setItem("course-theme", page.dataset.theme);
    } catch {
      // The choice then lasts as long as the page.
    }
  });
  new MutationObserver(show).observe(page, { attributeFilter: ["data-theme"] });
  button.hidden = false;
  show();
  let before = "light";
  addEventListener("beforeprint", () => {
    before = page.dataset.theme ?? "light";
    page.dataset.theme = "light"; // paper is white
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = before;
  });
}

/** What runs out of its box must be reachable with the keyboard. */
function reachable() {
  const look = () => {
    for (const box of document.querySelectorAll("pre, .table-box, .formula, .html-output")) {
      if (box.scrollWidth > box.clientWidth + 1) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  };
  new ResizeObserver(look).observe(document.body);
  look();
}

function followReading() {
  const links = new Map([...document.querySelectorAll(".inside a")].map((link) => [link.getAttribute("href"), link]));
  if (links.size === 0) return;
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        for (const link of links.values()) link.removeAttribute("aria-current");
        links.get(`#${target.id}`)?.setAttribute("aria-current", "true");
      }
    },
    { rootMargin: "0px 0px -75% 0px" },
  );
  for (const heading of document.querySelectorAll("article h2")) watcher.observe(heading);
}

/** @typedef {{u: string, t: string, p: string, x: string}} Part a part of a page: address, title, page, words */

/** @param {string} text */
const folded = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

/**
 * Every word must be found; in the title it counts most, at the start of a word more than inside one.
 * @param {Part} part
 * @param {string[]} words
 */
function worth(part, words) {
  let sum = 0;
  for (const word of words) {
    let best = 0;
    for (const [text, weight] of [[part.t, 12], [part.p, 5], [part.x, 1]]) {
      const at = folded(String(text)).indexOf(word);
      if (at < 0) continue;
      const begins = at === 0 || /[^a-z0-9]/.test(folded(String(text))[at - 1]);
      best = Math.max(best, Number(weight) * (begins ? 2 : 1));
    }
    if (best === 0) return 0;
    sum += best;
  }
  return sum;
}

/**
 * The words around the first hit, with the hits marked; text nodes only.
 * @param {Part} part
 * @param {string[]} words
 */
function excerpt(part, words) {
  const where = Math.max(0, ...words.map((word) => folded(part.x).indexOf(word)).filter((at) => at >= 0).slice(0, 1));
  const from = Math.max(0, part.x.lastIndexOf(" ", Math.max(0, where - 50)));
  const text = `${from > 0 ? "…" : ""}${part.x.slice(from, from + 150).trim()}…`;
  const made = document.createElement("span");
  const pattern = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|");
  for (const [number, piece] of text.split(new RegExp(`(${pattern})`, "i")).entries()) {
    if (number % 2 === 0) made.append(piece);
    else made.append(Object.assign(document.createElement("mark"), { textContent: piece }));
  }
  return made;
}

function search() {
  const [dialog, input, said, found] = [one("dialog.search"), one("#search-words"), one(".search-said"), one(".search-found")];
  /** @type {Promise<Part[]> | undefined} */
  let index;
  const load = () => {
    index ??= fetch(`${root}read/assets/search.json`).then((answer) => {
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.json();
    });
    return index;
  };
  const show = async () => {
    const words = folded(input.value).split(/\s+/).filter(Boolean);
    let parts;
    try {
      parts = await load();
    } catch {
      index = undefined;
      said.textContent = "The index cannot be read. Is the page served by a web server?";
      return;
    }
    if (words.join(" ") !== folded(input.value).split(/\s+/).filter(Boolean).join(" ")) return; // typed on meanwhile
    const hits = words.length === 0 ? [] : parts.map((part) => ({ part, sum: worth(part, words) }));
    const best = hits.filter(({ sum }) => sum > 0).sort((a, b) => b.sum - a.sum).slice(0, 12);
    found.replaceChildren(...best.map(({ part }) => {
      const link = Object.assign(document.createElement("a"), { href: `${root}read/${part.u}` });
      const title = Object.assign(document.createElement("b"), { textContent: part.t });
      const lesson = Object.assign(document.createElement("small"), { textContent: part.p });
      link.append(title, " ", lesson, excerpt(part, words));
      link.addEventListener("click", () => dialog.close());
      const item = document.createElement("li");
      item.append(link);
      return item;
    }));
    said.textContent = words.length === 0 ? "" : best.length === 0 ? "Nothing found. Try one word less."
      : best.length === 12 ? "The best 12 places" : `${best.length} ${best.length === 1 ? "place" : "places"}`;
  };
  const open = () => {
    if (dialog.open) return;
    dialog.showModal();
    input.select();
    load().catch(() => {});
  };
  const move = (/** @type {KeyboardEvent} */ event) => {
    const stops = [input, ...found.querySelectorAll("a")];
    const at = stops.indexOf(document.activeElement);
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && at >= 0) {
      event.preventDefault();
      stops[Math.min(stops.length - 1, Math.max(0, at + step))].focus();
    } else if (event.key === "Enter" && at === 0) {
      event.preventDefault();
      stops[1]?.click();
    }
  };
  const button = one(".search-open");
  button.hidden = false;
  button.addEventListener("click", open);
  input.addEventListener("input", show);
  dialog.addEventListener("keydown", move);
  addEventListener("keydown", (event) => {
    const target = /** @type {Element} */ (event.target);
    const writing = target.closest?.("input, textarea, select, [contenteditable], [role='slider'], [role='grid'], [role='spinbutton']");
    if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      open();
    }
  });
}

themeSwitch();
reachable();
followReading();
search();
