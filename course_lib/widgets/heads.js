// Heads: what each head looks for, as small maps of all, a large one of one, and lines from token to token.
import { panel, toggle } from "./parts/controls.js";
import { html, percent, quoted, setAttributes, setText, shortened, svg, uniqueId, written } from "./parts/elements.js";
import { drawLargeMap, drawSmallMap } from "./parts/heatmap.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { scene } from "./parts/scene.js";
import { weightColours } from "./parts/theme.js";
import { kernelSync } from "./parts/timing.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readHeads>} HeadsState */
/** @typedef {(values: Record<string, unknown>) => void} Change */
/** @typedef {"reads" | "read_by"} Direction */
/** @typedef {{direction: Direction, place: number, cell: readonly [number, number] | null}} View  what is spoken of: the lines of a query or of a key; and a pair, where one is pointed at */
/** @typedef {(view: View | null) => void} Hover */

const LINE_HEIGHT = 26; // pixels of a token in its column
const THICKEST = 10; // pixels of the line of weight 1
const FAINTEST = 0.04; // what is drawn where the lines of all heads lie over each other
const DASHES = ["", "8 4", "2 4", "12 4 2 4"];
const HUES = 4;

/**
 * Read the floats that Python wrote as bytes, little endian.
 * @param {DataView} bytes
 */
function readFloats(bytes) {
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, place) => bytes.getFloat32(4 * place, true));
}

/**
 * The weights as heads of rows; read again only where Python sent others.
 * @param {Model} model
 */
function weightsReader(model) {
  /** @type {DataView | null} */
  let last = null;
  /** @type {Float32Array[][]} */
  let heads = [];
  let entropy = new Float32Array();
  return () => {
    const bytes = /** @type {DataView} */ (model.get("weights_data"));
    if (bytes !== last) {
      const [nHeads, nQueries, nKeys] = ["names", "tokens", "key_tokens"].map((name) => model.get(name).length);
      const all = readFloats(bytes);
      const row = (/** @type {number} */ index) => all.subarray(index * nKeys, (index + 1) * nKeys);
      heads = Array.from({ length: nHeads }, (_, h) =>
        Array.from({ length: nQueries }, (__, i) => row(h * nQueries + i)),
      );
      entropy = readFloats(model.get("entropy_data"));
      last = bytes;
    }
    return { heads, entropy };
  };
}

/**
 * @param {Model} model
 * @param {ReturnType<typeof weightsReader>} read
 * @param {View | null} hovered
 */
function readHeads(model, read, hovered) {
  const { heads, entropy } = read();
  const direction = /** @type {Direction} */ (model.get("direction"));
  const [query, key] = /** @type {number[]} */ ([model.get("selected"), model.get("selected_key")]);
  /** @type {View} */
  const chosen = { direction, place: direction === "reads" ? query : key, cell: null };
  return {
    tokens: /** @type {string[]} */ (model.get("tokens")),
    keyTokens: /** @type {string[]} */ (model.get("key_tokens")),
    names: /** @type {string[]} */ (model.get("names")),
    distances: /** @type {number[]} */ (model.get("distances")),
    head: /** @type {number} */ (model.get("head")),
    allHeads: /** @type {boolean} */ (model.get("all_heads")),
    measures: /** @type {boolean} */ (model.get("measures")),
    heads,
    entropy,
    query,
    key,
    chosen,
    view: hovered ?? chosen,
  };
}

/**
 * The weights of one head that the view is about: a query's row, or a key's column.
 * @param {HeadsState} state
 * @param {number} head
 * @param {View} view
 */
function weightsOf(state, head, view) {
  const rows = state.heads[head];
  return view.direction === "reads" ? Array.from(rows[view.place]) : rows.map((row) => row[view.place]);
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildHeads(model, root, request) {
  const sync = kernelSync(model);
  const read = weightsReader(model);
  /** @type {View | null} */
  let hovered = null;
  /** @type {Change} */
  const change = (values) => {
    hovered = null; // what is chosen now is shown, whatever the pointer rests on
    for (const [name, value] of Object.entries(values)) model.set(name, value);
    sync.touch();
    request();
  };
  /** @type {Hover} */
  const hover = (view) => {
    hovered = view;
    request();
  };
  const first = readHeads(model, read, null);
  const controls = switches(model, change);
  const maps = smallMaps(first, change);
  const large = largeMap(first, change, hover, request);
  const lines = tokenLines(first, change, hover);
  const around = scene(model, root, {
    shown: [maps.element, controls.element, html("div", { class: "cw-heads-two" }, lines.element, large.element)],
    className: "cw-heads-said",
  });
  return {
    draw() {
      const state = readHeads(model, read, hovered);
      const theme = root.dataset.theme ?? "light";
      controls.draw(state);
      maps.draw(state, theme);
      large.draw(state, theme);
      lines.draw(state, theme);
      around.tell(describeView(state, state.chosen), { seen: describeView(state, state.view) });
    },
    stop() {
      sync.stop();
      around.stop();
      large.stop();
    },
  };
}

/**
 * What is read by whom, in words: the three largest weights of the head, or the largest of every head.
 * @param {HeadsState} state
 * @param {View} view
 */
function describeView(state, view) {
  const { direction, place, cell } = view;
  const others = direction === "reads" ? state.keyTokens : state.tokens;
  const name = quoted(direction === "reads" ? state.tokens[place] : state.keyTokens[place]);
  const verb = direction === "reads" ? "reads" : "is read by";
  const called = `Head ${state.head}${state.names[state.head] === `head ${state.head}` ? "" : ` (${state.names[state.head]})`}`;
  if (cell !== null) {
    const weight = state.heads[state.head][cell[0]][cell[1]];
    return `${called}: ${quoted(state.tokens[cell[0]])} reads ${quoted(state.keyTokens[cell[1]])} with weight ${written(weight)}.`;
  }
  const strongest = (/** @type {number} */ head) => {
    const weights = weightsOf(state, head, view);
    const order = weights.map((_, at) => at).sort((a, b) => weights[b] - weights[a] || a - b);
    return order.map((at) => `${quoted(others[at])} ${percent(weights[at])}`);
  };
  if (!state.allHeads) return `${called}: ${name} ${verb} ${strongest(state.head).slice(0, 3).join(", ")}.`;
  return `${name} ${verb} most: ${state.heads.map((_, head) => `head ${head} ${strongest(head)[0]}`).join("; ")}.`;
}

/**
 * @param {Model} model
 * @param {Change} change
 */
function switches(model, change) {
  const parts = {
    all_heads: toggle("Lines of all heads", (on) => change({ all_heads: on })),
    measures: toggle("Distance and entropy", (on) => change({ measures: on })),
  };
  for (const [name, { element }] of Object.entries(parts)) element.hidden = !model.get("controls").includes(name);
  if (model.get("names").length === 1) parts.all_heads.element.hidden = true;
  return {
    element: html("div", { class: "cw-controls" }, ...Object.values(parts).map(({ element }) => element)),
    /** @param {HeadsState} state */
    draw(state) {
      parts.all_heads.show(state.allHeads);
      parts.measures.show(state.measures);
    },
  };
}

/**
 * A frame around a row of a map, or around a column.
 * @param {HTMLElement} band
 * @param {HeadsState} state
 */
function placeBand(band, state) {
  const { direction, place } = state.view;
  const across = direction === "reads";
  const size = 100 / (across ? state.tokens.length : state.keyTokens.length);
  band.classList.toggle("cw-heads-down", !across);
  band.style.inset = across
    ? `${place * size}% 0 ${100 - (place + 1) * size}% 0`
    : `0 ${100 - (place + 1) * size}% 0 ${place * size}%`;
}

/**
 * How wide a map is for its height; far from a square, its cells are stretched.
 * @param {HeadsState} state
 */
function aspectOf(state) {
  return Math.min(Math.max(state.keyTokens.length / state.tokens.length, 0.5), 4);
}

/**
 * The maps of all heads, of which one is chosen: radio buttons, so that arrow keys and screen readers know them.
 * @param {HeadsState} first
 * @param {Change} change
 */
function smallMaps(first, change) {
  const group = uniqueId("heads");
  const parts = first.names.map((name, head) => {
    const input = html("input", {
      type: "radio",
      name: group,
      value: head,
      "data-lm-suppress-shortcuts": "true",
      change: () => change({ head }),
    });
    const canvas = html("canvas", { "aria-hidden": "true" });
    const band = html("div", { class: "cw-heads-band" });
    const map = html("div", { class: "cw-heads-map" }, canvas, band);
    map.style.aspectRatio = String(aspectOf(first));
    const [distance, entropy] = [html("span"), html("span")];
    const measure = html("span", { class: "cw-heads-measure" }, distance, entropy);
    const title = name === `head ${head}` ? name : `${head} ${name}`;
    const label = html("label", {}, input, html("span", { class: "cw-heads-name" }, title), map, measure);
    return { input, canvas, band, measure, distance, entropy, label };
  });
  let drawn = "";
  /** @type {unknown} */
  let drawnFrom = null;
  const crowd = first.names.length > 8 ? " cw-heads-crowd" : "";
  const isChoice = first.names.length > 1;
  return {
    element: html(
      "fieldset",
      { class: `cw-heads-maps${crowd}` },
      html(
        "legend",
        {},
        isChoice ? "Each head in small: rows read columns. Choose one" : "In small: rows read columns",
      ),
      ...parts.map(({ label }) => label),
    ),
    /**
     * @param {HeadsState} state
     * @param {string} theme
     */
    draw(state, theme) {
      const isNew = drawn !== theme || drawnFrom !== state.heads;
      [drawn, drawnFrom] = [theme, state.heads];
      parts.forEach(({ input, canvas, band, measure, distance, entropy }, head) => {
        if (isNew) drawSmallMap(canvas, state.heads[head], theme);
        if (input.checked !== (head === state.head)) input.checked = head === state.head;
        placeBand(band, state);
        measure.hidden = !state.measures;
        setText(distance, state.distances.length === 0 ? "" : `distance ${written(state.distances[head], 1)}`);
        setText(entropy, `entropy ${written(entropyOf(state, head))}`);
      });
    },
  };
}

/**
 * How spread out a head is: in the row that is shown, or in all rows where a column is.
 * @param {HeadsState} state
 * @param {number} head
 */
function entropyOf(state, head) {
  const n = state.tokens.length;
  const rows = Array.from(state.entropy.subarray(head * n, (head + 1) * n));
  const isRow = state.view.direction === "reads";
  return isRow ? rows[state.view.place] : rows.reduce((sum, entropy) => sum + entropy, 0) / n;
}

/**
 * The map of the chosen head with the names of its tokens; pointing at a cell tells its weight.
 * @param {HeadsState} first
 * @param {Change} change
 * @param {Hover} hover
 * @param {() => void} request
 */
function largeMap(first, change, hover, request) {
  const most = Math.max(first.tokens.length, first.keyTokens.length);
  const letters = most > 20 ? 12 : 10;
  const side = html(
    "div",
    { class: "cw-heads-side" },
    ...first.tokens.map((token) => html("span", {}, shortened(token, letters))),
  );
  const top = html(
    "div",
    { class: "cw-heads-top" },
    ...first.keyTokens.map((token) => html("span", {}, shortened(token, letters))),
  );
  const canvas = html("canvas", {});
  const band = html("div", { class: "cw-heads-band" });
  const map = html("div", { class: "cw-heads-map" }, canvas, band);
  map.style.aspectRatio = String(aspectOf(first));
  const labelled = html("div", { class: "cw-heads-labelled", "aria-hidden": "true" }, html("span"), top, side, map);
  labelled.style.setProperty("--cw-type", `${most > 24 ? 9 : most > 14 ? 10 : 12}px`);
  /** @type {[number, number]} */
  let size = [0, 0];
  const observer = new ResizeObserver(([{ contentRect }]) => {
    size = [contentRect.width, contentRect.height];
    request();
  });
  observer.observe(map);
  const cellAt = (/** @type {PointerEvent | MouseEvent} */ event) => {
    const frame = map.getBoundingClientRect(); // as it is on the screen, enlarged or not
    const at = (/** @type {number} */ part, /** @type {number} */ count) =>
      Math.min(Math.max(Math.floor(part * count), 0), count - 1);
    return /** @type {const} */ ([
      at((event.clientY - frame.top) / (frame.height || 1), first.tokens.length),
      at((event.clientX - frame.left) / (frame.width || 1), first.keyTokens.length),
    ]);
  };
  let direction = first.chosen.direction;
  map.addEventListener("pointermove", (event) => {
    const cell = cellAt(event);
    hover({ direction, place: direction === "reads" ? cell[0] : cell[1], cell });
  });
  map.addEventListener("pointerleave", () => hover(null));
  map.addEventListener("click", (event) => {
    const [selected, key] = cellAt(event);
    change({ selected, selected_key: key });
  });
  const { element, subtitle } = panel("Map of the chosen head", " ", labelled);
  /** @type {unknown[]} */
  let drawn = [];
  return {
    element,
    /**
     * @param {HeadsState} state
     * @param {string} theme
     */
    draw(state, theme) {
      direction = state.chosen.direction;
      setText(subtitle, `row = who reads, column = what is read: ${state.names[state.head]}`);
      const wanted = [state.heads, state.head, theme, ...size];
      if (size[0] > 0 && wanted.some((part, place) => part !== drawn[place])) {
        drawLargeMap(canvas, state.heads[state.head], theme, size);
        drawn = wanted;
      }
      placeBand(band, state);
    },
    stop: () => observer.disconnect(),
  };
}

/**
 * Two columns of tokens and the lines between them: from an output on the left to what it is mixed from on the right.
 * @param {HeadsState} first
 * @param {Change} change
 * @param {Hover} hover
 */
function tokenLines(first, change, hover) {
  const pick = (/** @type {Direction} */ direction, /** @type {number} */ place) =>
    change({ direction, [direction === "reads" ? "selected" : "selected_key"]: place });
  const left = tokenColumn(first.tokens, "reads", pick, hover);
  const right = tokenColumn(first.keyTokens, "read_by", pick, hover);
  left.across = right;
  right.across = left;
  const height = LINE_HEIGHT * Math.max(first.tokens.length, first.keyTokens.length);
  const web = svg("svg", { viewBox: `0 0 100 ${height}`, height, preserveAspectRatio: "none", "aria-hidden": "true" });
  const tags = first.names.map((_, head) => html("span", { class: `cw-heads-tag ${hueOf(head)}` }, String(head)));
  const middle = html("div", { class: "cw-heads-web", "aria-hidden": "true" }, web, ...tags);
  const means = [html("span", {}, "mean"), html("span", {}, "mean")]; // over the numbers, where all heads are shown
  const grid = html(
    "div",
    { class: "cw-heads-lines" },
    html("div", { class: "cw-heads-heading" }, means[0], html("span", {}, "output of")),
    html("div", {}),
    html("div", { class: "cw-heads-heading" }, html("span", {}, "reads"), means[1]),
    left.element,
    middle,
    right.element,
  );
  /** @type {SVGPathElement[]} */
  const paths = [];
  const { element, subtitle } = panel("Who reads whom", " ", grid);
  return {
    element,
    /**
     * @param {HeadsState} state
     * @param {string} theme
     */
    draw(state, theme) {
      const { view } = state;
      setText(subtitle, "pick left: what it reads; right: who reads it");
      const shown = state.allHeads ? state.heads.map((_, head) => head) : [state.head];
      const lines = shown.flatMap((head) => linesOf(state, head));
      while (paths.length < lines.length) paths.push(web.appendChild(svg("path")));
      paths.forEach((path, place) => drawLine(path, lines[place] ?? null));
      tags.forEach((tag, head) =>
        placeTag(
          tag,
          state.allHeads ? lines.filter((line) => line.head === head) : [],
          head,
          tags.length,
          view.direction,
        ),
      );
      const weights = shown.map((head) => weightsOf(state, head, view));
      const mean = weights[0].map((_, at) => weights.reduce((sum, row) => sum + row[at], 0) / weights.length);
      means[0].classList.toggle("cw-heads-away", !state.allHeads || view.direction === "reads");
      means[1].classList.toggle("cw-heads-away", !state.allHeads || view.direction === "read_by");
      left.draw(state, view.direction === "reads" ? null : mean, theme);
      right.draw(state, view.direction === "reads" ? mean : null, theme);
    },
  };
}

/** @param {number} head */
function hueOf(head) {
  return `cw-hue-${(head + Math.floor(head / DASHES.length)) % HUES}`;
}

/**
 * The lines of a head, heaviest first; where all heads are shown, each a little beside the other's.
 * @param {HeadsState} state
 * @param {number} head
 */
function linesOf(state, head) {
  const { direction, place } = state.view;
  const aside = state.allHeads ? (head - (state.names.length - 1) / 2) * Math.min(3, 16 / state.names.length) : 0;
  const height = (/** @type {number} */ token) => (token + 0.5) * LINE_HEIGHT + aside;
  return weightsOf(state, head, state.view)
    .map((weight, other) => ({
      head,
      weight,
      from: height(direction === "reads" ? place : other),
      to: height(direction === "reads" ? other : place),
      hue: state.allHeads ? hueOf(head) : "",
      dash: state.allHeads ? DASHES[head % DASHES.length] : "",
    }))
    .filter(({ weight }) => weight > (state.allHeads ? FAINTEST : 0))
    .sort((a, b) => b.weight - a.weight);
}

/**
 * @param {SVGPathElement} path
 * @param {ReturnType<typeof linesOf>[number] | null} line
 */
function drawLine(path, line) {
  path.style.display = line === null ? "none" : "";
  if (line === null) return;
  setAttributes(path, {
    d: `M0 ${line.from.toFixed(1)}C50 ${line.from.toFixed(1)} 50 ${line.to.toFixed(1)} 100 ${line.to.toFixed(1)}`,
    "stroke-width": (THICKEST * line.weight).toFixed(2),
    "stroke-dasharray": line.dash,
    class: line.hue,
  });
}

/**
 * Write a head's number on its heaviest line; the numbers of all heads stand beside each other.
 * @param {HTMLElement} tag
 * @param {ReturnType<typeof linesOf>} lines
 * @param {number} head
 * @param {number} nHeads
 * @param {Direction} direction
 */
function placeTag(tag, lines, head, nHeads, direction) {
  tag.hidden = lines.length === 0;
  if (lines.length === 0) return;
  const apart = nHeads === 1 ? 0 : head / (nHeads - 1); // where the lines have parted
  const t = direction === "reads" ? 0.9 - 0.5 * apart : 0.1 + 0.5 * apart;
  const s = 1 - t; // the line is a cubic Bezier curve: 0, 50, 50, 100 across; from, from, to, to down
  const down = (s ** 3 + 3 * s * s * t) * lines[0].from + (3 * s * t * t + t ** 3) * lines[0].to;
  tag.style.left = `${(150 * s * s * t + 150 * s * t * t + 100 * t ** 3).toFixed(1)}%`;
  tag.style.top = `${down.toFixed(1)}px`;
}

/**
 * A column of tokens to pick from, one tab stop: up and down walk it, left and right lead to the other column.
 * @param {readonly string[]} tokens
 * @param {Direction} direction
 * @param {(direction: Direction, place: number) => void} pick
 * @param {Hover} hover
 */
function tokenColumn(tokens, direction, pick, hover) {
  const isLeft = direction === "reads";
  /** @type {{buttons: HTMLButtonElement[], across: any, element: HTMLElement, draw: (state: HeadsState, weights: readonly number[] | null, theme: string) => void}} */
  const column = { buttons: [], across: null, element: html("div"), draw };
  const chips = tokens.map(() => html("span", { class: "cw-heads-chip" }));
  let at = 0;
  column.buttons = tokens.map((token, place) =>
    html(
      "button",
      {
        type: "button",
        title: token,
        "data-lm-suppress-shortcuts": "true",
        click: () => pick(direction, place),
        keydown: (event) => press(event, place),
      },
      shortened(token, 10),
    ),
  );
  const rows = tokens.map((_, place) => {
    const view = { direction, place, cell: null };
    const parts = [column.buttons[place], chips[place]];
    return html(
      "div",
      { class: "cw-heads-token", pointerenter: () => hover(view), pointerleave: () => hover(null) },
      ...parts,
    );
  });
  const label = isLeft ? "Queries: whose output" : "Keys: what is read";
  column.element = html(
    "div",
    { class: isLeft ? "cw-heads-left" : "cw-heads-right", role: "group", "aria-label": label },
    ...rows,
  );

  /**
   * @param {KeyboardEvent} event
   * @param {number} place
   */
  function press(event, place) {
    const last = tokens.length - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowUp: Math.max(0, place - 1), ArrowDown: Math.min(last, place + 1), Home: 0, End: last };
    const target = moves[event.key];
    const crosses = event.key === (isLeft ? "ArrowRight" : "ArrowLeft");
    if ((target === undefined && !crosses) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    if (crosses) column.across.enter();
    else walk(target);
  }

  /** @param {number} place */
  function walk(place) {
    pick(direction, place);
    column.buttons[place].focus();
  }

  /**
   * @param {HeadsState} state
   * @param {readonly number[] | null} weights
   * @param {string} theme
   */
  function draw(state, weights, theme) {
    at = isLeft ? state.query : state.key;
    column.buttons.forEach((button, place) => {
      const isIn = (/** @type {View} */ view) => view.direction === direction && view.place === place;
      setAttributes(button, { "aria-pressed": String(isIn(state.chosen)), tabindex: place === at ? 0 : -1 });
      button.classList.toggle("cw-heads-shown", isIn(state.view));
      chips[place].classList.toggle("cw-heads-away", weights === null);
      if (weights === null) return;
      const { background, text } = weightColours(weights[place], theme);
      setText(chips[place], written(weights[place]));
      chips[place].style.backgroundColor = background;
      chips[place].style.color = text;
    });
  }
  return Object.assign(column, { enter: () => walk(at) });
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildHeads(model, root, request));
  },
};
