// All heads of a model: pick a token, and see where each head looks from there, in a list sorted by a score.
import { choice } from "./parts/controls.js";
import { html, percent, quoted, setAttributes, setText, shortened, written } from "./parts/elements.js";
import { drawSmallMap } from "./parts/heatmap.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { scene, traitChanges } from "./parts/scene.js";
import { weightColours } from "./parts/theme.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<ReturnType<typeof stateReader>>} AllState */
/** @typedef {(values: Record<string, unknown>) => void} Change */

const LEVELS_SENT = 65535;
const LINE = 20; // pixels of a head in the list
const MOST_NUMBERS = 20; // with more tokens, numbers do not fit under them

/**
 * Read what Python sent, again only where it is other than before.
 * @param {Model} model
 */
function stateReader(model) {
  /** @type {{weights: DataView | null, scores: DataView | null, sort: number}} */
  const last = { weights: null, scores: null, sort: -1 };
  /** @type {Float32Array[][]} */
  let rows = []; // rows[head][query]
  /** @type {Float32Array[]} */
  let scores = [];
  /** @type {number[]} */
  let order = [];
  return () => {
    const tokens = /** @type {string[]} */ (model.get("tokens"));
    const names = /** @type {string[]} */ (model.get("score_names"));
    const nHeads = /** @type {number} */ (model.get("n_heads"));
    const nAll = nHeads * /** @type {number} */ (model.get("n_layers"));
    const n = tokens.length;
    const [weights, scored, sort] = [model.get("weights_data"), model.get("scores_data"), model.get("sort_by")];
    if (weights !== last.weights) {
      const row = (/** @type {number} */ at) =>
        Float32Array.from({ length: n }, (_, j) => weights.getUint16(2 * (at * n + j), true) / LEVELS_SENT);
      rows = Array.from({ length: nAll }, (_, head) => Array.from({ length: n }, (__, i) => row(head * n + i)));
    }
    if (scored !== last.scores || sort !== last.sort) {
      scores = names.map((_, s) =>
        Float32Array.from({ length: nAll }, (__, head) => scored.getFloat32(4 * (s * nAll + head), true)),
      );
      const by = scores[sort];
      order = Array.from({ length: nAll }, (_, head) => head);
      if (by !== undefined) order.sort((a, b) => by[b] - by[a] || a - b);
    }
    Object.assign(last, { weights, scores: scored, sort });
    return {
      tokens,
      names,
      nHeads,
      rows,
      scores,
      order,
      sort,
      selected: /** @type {number} */ (model.get("selected")),
      head: /** @type {number} */ (model.get("head")),
    };
  };
}

/**
 * @param {AllState} state
 * @param {number} head
 */
function nameOf(state, head) {
  return `layer ${Math.floor(head / state.nHeads)} head ${head % state.nHeads}`;
}

/** @param {number} place */
function ordinal(place) {
  const isTeen = place % 100 > 10 && place % 100 < 14;
  return `${place}${isTeen ? "th" : (["th", "st", "nd", "rd"][place % 10] ?? "th")}`;
}

/**
 * What the chosen head reads from the chosen token, in words.
 * @param {AllState} state
 */
function describeHead(state) {
  const row = Array.from(state.rows[state.head][state.selected]);
  const most = row.map((_, at) => at).sort((a, b) => row[b] - row[a] || a - b);
  const parts = most.slice(0, 3).map((at) => `${quoted(state.tokens[at])} ${percent(row[at])}`);
  const by = state.names[state.sort];
  const sorted = by === undefined ? "layer" : `${by} with ${written(state.scores[state.sort][state.head])}`;
  const name = nameOf(state, state.head);
  return (
    `${name[0].toUpperCase()}${name.slice(1)}, ${ordinal(state.order.indexOf(state.head) + 1)} of ${state.order.length} ` +
    `by ${sorted}: ${quoted(state.tokens[state.selected])} reads ${parts.join(", ")}.`
  );
}

/**
 * One tab stop for many buttons in a row or a column: arrows, Home and End walk it.
 * @param {HTMLButtonElement[]} buttons
 * @param {readonly [string, string]} keys one that goes back, one that goes on
 * @param {(place: number) => void} pick
 */
function walkable(buttons, keys, pick) {
  buttons.forEach((button, place) => {
    button.addEventListener("click", () => pick(place));
    button.addEventListener("keydown", (event) => {
      const last = buttons.length - 1;
      /** @type {Record<string, number>} */
      const moves = { [keys[0]]: Math.max(0, place - 1), [keys[1]]: Math.min(last, place + 1), Home: 0, End: last };
      const target = moves[event.key];
      if (target === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      event.stopPropagation();
      pick(target);
      buttons[target].focus();
    });
  });
}

/**
 * The tokens, of which one is picked, and under them what the chosen head reads of each.
 * @param {AllState} first
 * @param {Change} change
 */
function tokenStrip(first, change) {
  const buttons = first.tokens.map((token) =>
    html(
      "button",
      { type: "button", class: "cw-all-token", title: token, "data-lm-suppress-shortcuts": "true" },
      shortened(token, 12),
    ),
  );
  const numbers = first.tokens.map(() => html("span", { class: "cw-all-number" }));
  const chips = numbers.map((number) => html("span", { class: "cw-all-chip" }, number));
  const called = html("span", { class: "cw-all-called" });
  walkable(buttons, ["ArrowLeft", "ArrowRight"], (selected) => change({ selected }));
  const element = html(
    "div",
    { class: "cw-all-tokens", role: "group", "aria-label": "Token that reads" },
    html("span", { class: "cw-all-corner" }, "pick who reads"),
    ...buttons,
    html("div", { class: "cw-all-numbers", "aria-hidden": "true" }, called, ...chips),
  );
  return {
    element,
    /**
     * @param {AllState} state
     * @param {string} theme
     */
    draw(state, theme) {
      const row = state.rows[state.head][state.selected];
      setText(called, nameOf(state, state.head));
      buttons.forEach((button, place) => {
        const isPicked = place === state.selected;
        setAttributes(button, { "aria-pressed": String(isPicked), tabindex: isPicked ? 0 : -1 });
        const { background, text } = weightColours(row[place], theme);
        setText(numbers[place], state.tokens.length > MOST_NUMBERS ? "" : written(row[place]));
        Object.assign(chips[place].style, { backgroundColor: background, color: text });
      });
    },
  };
}

/**
 * The list: a line for each head with its score, and beside it one map of what all of them read.
 * @param {AllState} first
 * @param {Change} change
 */
function headList(first, change) {
  const names = first.order.map(() => html("span", {}));
  const numbers = first.order.map(() => html("span", { class: "cw-all-score" }));
  const buttons = first.order.map((_, place) =>
    html(
      "button",
      { type: "button", class: "cw-all-head", "data-lm-suppress-shortcuts": "true" },
      names[place],
      numbers[place],
    ),
  );
  /** @type {number[]} */
  let order = first.order;
  walkable(buttons, ["ArrowUp", "ArrowDown"], (place) => change({ head: order[place] }));
  const canvas = html("canvas", { class: "cw-all-map" });
  const band = html("div", { class: "cw-all-band" });
  const map = html("div", { class: "cw-all-cells", "aria-hidden": "true" }, canvas, band);
  map.addEventListener("click", (event) => {
    const frame = map.getBoundingClientRect();
    const place = Math.floor(((event.clientY - frame.top) / (frame.height || 1)) * order.length);
    change({ head: order[Math.min(Math.max(place, 0), order.length - 1)] });
  });
  const element = html(
    "div",
    { class: "cw-all-list" },
    html("div", { class: "cw-all-heads", role: "group", "aria-label": "Heads, the highest score first" }, ...buttons),
    map,
  );
  element.style.setProperty("--cw-line-height", `${LINE}px`);
  element.style.setProperty("--cw-lines", String(first.order.length));
  /** @type {unknown[]} */
  let drawn = [];
  return {
    element,
    /**
     * @param {AllState} state
     * @param {string} theme
     */
    draw(state, theme) {
      const isSorted = order === state.order && drawn.length > 0;
      order = state.order;
      if (!isSorted) {
        const by = state.scores[state.sort];
        order.forEach((head, place) => {
          setText(names[place], nameOf(state, head));
          setText(numbers[place], by === undefined ? "" : written(by[head]));
        });
      }
      const at = order.indexOf(state.head);
      buttons.forEach((button, place) =>
        setAttributes(button, { "aria-pressed": String(place === at), tabindex: place === at ? 0 : -1 }),
      );
      band.style.top = `calc(var(--cw-line-height) * ${at})`;
      const wanted = [state.rows, order, state.selected, theme];
      if (wanted.some((part, place) => part !== drawn[place])) {
        drawSmallMap(
          canvas,
          order.map((head) => state.rows[head][state.selected]),
          theme,
        );
        drawn = wanted;
      }
    },
  };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildAllHeads(model, root, request) {
  const read = stateReader(model);
  const changes = traitChanges(model);
  /** @type {Change} */
  const change = (values) => {
    changes.set(values);
    request();
  };
  const first = read();
  const sort = choice("sort by", [...first.names, "layer"], (index) => change({ sort_by: index }), 20);
  const strip = tokenStrip(first, change);
  const list = headList(first, change);
  const box = html("div", { class: "cw-all-box" }, strip.element, list.element);
  box.style.setProperty("--cw-tokens", String(first.tokens.length));
  const around = scene(model, root, {
    shown: [html("div", { class: "cw-controls" }, sort.element), box],
    className: "cw-all-said",
  });
  return {
    draw() {
      const state = read();
      const theme = root.dataset.theme ?? "light";
      sort.show(state.sort);
      strip.draw(state, theme);
      list.draw(state, theme);
      around.tell(describeHead(state));
    },
    stop() {
      changes.stop();
      around.stop();
    },
  };
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildAllHeads(model, root, request));
  },
};
