// The mask board: rules and hand forbid pairs of a query and a key; beside it, what each way to forbid gives.
import { causalMask, maskedScores, paddingMask, slidingWindowMask, softmax } from "./attention.js";
import { button, choice, panel, slider, toggle } from "./parts/controls.js";
import { html, quoted, setAttributes, setText, written } from "./parts/elements.js";
import { Grid, GRID_HELP } from "./parts/grid.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";
import { weightColours } from "./parts/theme.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readBoard>} BoardState */
/** @typedef {"causal" | "padding" | "window" | "hand"} Rule */
/** @typedef {(values: Record<string, unknown>) => void} Change */

const RULES = /** @type {const} */ (["causal", "padding", "window", "hand"]);
const WAYS = ["minus_infinity", "zero_weights", "zero_scores"];
const READINGS = ["attend", "block"];
const EMPTY_ROWS = ["zeros", "uniform", "nan"];
const FORMULAS = ["softmax(score, −∞ where forbidden)", "softmax(score) × mask", "softmax(score × mask)"];
const NO_BOUND = 16; // a side of the window: farther than any key of the board is from any query
const FARTHEST = 8; // what the window's sliders reach before "all"
const LARGE_NEGATIVE = -1e9;

/**
 * What the board shows, computed from the model.
 * @param {Model} model
 */
function readBoard(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const keyTokens = /** @type {string[]} */ (model.get("key_tokens"));
  const scores = /** @type {number[][]} */ (model.get("score_rows"));
  const [nQueries, nKeys] = [tokens.length, keyTokens.length];
  const [how, polarity, emptyRow] = /** @type {string[]} */ (
    ["how", "polarity", "empty_row"].map((name) => model.get(name))
  );
  const [offset, length, left, right] = /** @type {number[]} */ (
    ["offset", "length", "window_left", "window_right"].map((name) => model.get(name))
  );
  const byHand = scores.map((row) => row.map(() => true));
  for (const [i, j] of /** @type {number[][]} */ (model.get("blocked"))) byHand[i][j] = false;
  /** @type {Record<Rule, boolean[][] | null>} what each rule allows; null while it is off */
  const rules = {
    causal: model.get("is_causal") ? causalMask(nQueries, nKeys, offset) : null,
    padding: model.get("is_padded") ? tokens.map(() => paddingMask([length], nKeys)[0]) : null,
    window: model.get("is_windowed") ? slidingWindowMask(nQueries, nKeys, [left, right], offset) : null,
    hand: byHand,
  };
  const forbidding = scores.map((row, i) => row.map((_, j) => RULES.filter((rule) => rules[rule]?.[i][j] === false)));
  const mask = forbidding.map((row) => row.map((names) => names.length === 0));
  const allowed = polarity === "attend" ? mask : mask.map((row) => row.map((entry) => !entry));
  const weights = weightsAfter(scores, allowed, how, emptyRow);
  return {
    tokens,
    keyTokens,
    scores,
    how,
    polarity,
    emptyRow,
    offset,
    length,
    left,
    right,
    rules,
    forbidding,
    mask,
    allowed,
    weights,
    sums: weights.map((row) => row.reduce((sum, weight) => sum + weight, 0)),
    empty: allowed.findIndex((row) => !row.includes(true)),
    at: /** @type {[number, number]} */ ([model.get("selected"), model.get("selected_key")]),
  };
}

/**
 * What a way to mask gives: the right one and the known mistakes.
 * @param {readonly (readonly number[])[]} scores
 * @param {readonly (readonly boolean[])[]} allowed
 * @param {string} how
 * @param {string} emptyRow
 * @returns {number[][]}
 */
function weightsAfter(scores, allowed, how, emptyRow) {
  const fill = (/** @type {readonly (readonly number[])[]} */ rows, /** @type {number} */ instead) =>
    rows.map((row, i) => row.map((number, j) => (allowed[i][j] ? number : instead)));
  if (how === "zero_weights") return fill(softmax(scores), 0);
  if (how === "zero_scores") return softmax(fill(scores, 0));
  if (emptyRow === "uniform") return softmax(fill(scores, LARGE_NEGATIVE));
  const masked = maskedScores(scores, allowed);
  return emptyRow === "nan" ? masked.map(naiveSoftmaxRow) : softmax(masked);
}

/**
 * Softmax as it is often written: where all scores are -Infinity, the largest is too, and their difference is NaN.
 * @param {readonly number[]} scores
 */
function naiveSoftmaxRow(scores) {
  const largest = Math.max(...scores);
  const exponentials = scores.map((score) => Math.exp(score - largest));
  const total = exponentials.reduce((sum, exponential) => sum + exponential, 0);
  return exponentials.map((exponential) => exponential / total);
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildBoard(model, root, request) {
  const first = readBoard(model);
  const { set: change, rest, stop } = traitChanges(model);
  /** @type {readonly [number, number] | null} */
  let hovered = null;
  const hover = (/** @type {readonly [number, number] | null} */ cell) => {
    hovered = cell;
    request();
  };
  const help = helpText(GRID_HELP);
  const controls = maskControls(model, change, rest);
  const parts = [scoresBoard(model, first, help.id, change, hover), weightsBoard(first, root)];
  const panels = html("div", { class: "cw-panels cw-boards" }, ...parts.map((part) => part.element));
  if (Math.max(first.tokens.length, first.keyTokens.length) > 5) panels.classList.add("cw-many");
  const around = scene(model, root, { shown: [controls.element, panels], helps: [help], className: "cw-two-lines" });
  return {
    draw() {
      const state = readBoard(model);
      controls.draw(state);
      for (const part of parts) part.draw(state, hovered ?? state.at);
      around.tell(describePair(state, state.at), { seen: describePair(state, hovered ?? state.at) });
    },
    stop() {
      stop();
      around.stop();
    },
  };
}

/**
 * A number with as many decimals as it needs and a cell has room for.
 * @param {number} number
 * @param {number} [most]
 */
function brief(number, most = 2) {
  return written(number, Number.isInteger(number) ? 0 : Math.abs(number) < 10 ? most : most - 1);
}

/** @param {number} weight */
function weightText(weight) {
  return Number.isNaN(weight) ? "NaN" : written(weight);
}

/**
 * Why a rule forbids a pair.
 * @param {BoardState} state
 * @param {Rule} rule
 * @param {readonly [number, number]} pair
 */
function reason(state, rule, [query, key]) {
  const position = query + state.offset;
  if (rule === "causal") return `the causal mask (key ${key} comes after position ${position})`;
  if (rule === "padding") return `the padding mask (${state.length} of ${state.keyTokens.length} keys are real)`;
  const side = (/** @type {number} */ most) => (most >= NO_BOUND ? "any number" : String(most));
  if (rule === "hand") return "hand";
  return `the window (${side(state.left)} before and ${side(state.right)} after position ${position})`;
}

/**
 * A pair in words: may it attend, which rules forbid it, and what weight it gets.
 * @param {BoardState} state
 * @param {readonly [number, number]} pair
 */
function describePair(state, pair) {
  const [query, key] = pair;
  const names = `Query ${quoted(state.tokens[query])}, key ${quoted(state.keyTokens[key])}, score ${brief(state.scores[query][key])}`;
  const weight = state.weights[query][key];
  const entry = state.mask[query][key] ? "True" : "False";
  const reasons = state.forbidding[query][key].map((rule) => reason(state, rule, pair));
  let may = reasons.length === 0 ? "may attend" : `forbidden by ${reasons.join(" and by ")}`;
  if (state.polarity === "block")
    may = `the mask says ${entry}, read as ${state.mask[query][key] ? "blocked" : "may attend"}`;
  const leak = !state.allowed[query][key] && weight > 0 ? ", although it is forbidden" : "";
  return `${names}: ${may}. It gets weight ${weightText(weight)}${leak}; the row sums to ${weightText(state.sums[query])}.`;
}

/**
 * The switches of the rules with their sliders, and the choices.
 * @param {Model} model
 * @param {Change} change
 * @param {() => void} rest
 */
function maskControls(model, change, rest) {
  const wanted = /** @type {string[]} */ (model.get("controls"));
  const whole = (/** @type {number} */ number) => written(number, 0);
  const side = (/** @type {number} */ number) => (number > FARTHEST ? "all" : whole(number));
  const number = (
    /** @type {string} */ label,
    /** @type {string} */ trait,
    /** @type {number} */ min,
    /** @type {number} */ max,
    write = whole,
  ) => slider(label, { min, max, step: 1 }, (value) => change({ [trait]: value }), rest, write);
  const sideOf = (/** @type {string} */ label, /** @type {string} */ trait) =>
    slider(
      label,
      { min: 0, max: FARTHEST + 1, step: 1 },
      (value) => change({ [trait]: value > FARTHEST ? NO_BOUND : value }),
      rest,
      side,
    );
  const offset = number("offset", "offset", -FARTHEST, FARTHEST);
  const length = number("real keys", "length", 0, model.get("key_tokens").length);
  const [left, right] = [sideOf("left", "window_left"), sideOf("right", "window_right")];
  const switches = {
    causal: toggle("Causal", (on) => change({ is_causal: on })),
    padding: toggle("Padding", (on) => change({ is_padded: on })),
    window: toggle("Window", (on) => change({ is_windowed: on })),
  };
  const sliders = { causal: [offset], padding: [length], window: [left, right] };
  const lines = Object.entries(switches).map(([name, { element }]) => {
    const rule = /** @type {keyof typeof sliders} */ (name);
    const line = html(
      "div",
      { class: "cw-rule", role: "group", "aria-label": `${name} mask` },
      html("span", { class: `cw-mask-swatch cw-by-${name}`, "aria-hidden": "true" }),
      element,
      ...sliders[rule].map((part) => part.element),
    );
    line.hidden = !wanted.includes(name);
    return line;
  });
  const how = choice("Forbidden pairs get", ["score −∞", "weight × 0", "score × 0"], (index) =>
    change({ how: WAYS[index] }),
  );
  const polarity = choice("True means", ["may attend", "blocked"], (index) => change({ polarity: READINGS[index] }));
  const empty = choice(
    "A query without keys gets",
    ["zeros", "uniform (−1e9)", "NaN (naive)"],
    (index) => change({ empty_row: EMPTY_ROWS[index] }),
    16,
  );
  const choices = Object.entries({ how, polarity, empty_row: empty });
  for (const [name, control] of choices) control.element.hidden = !wanted.includes(name);
  const reset = button("Reset", () => change(model.get("start")));
  const rules = html("div", { class: "cw-rules" }, ...lines);
  return {
    element: html(
      "div",
      {},
      rules,
      html("div", { class: "cw-controls" }, ...choices.map(([, control]) => control.element), reset),
    ),
    /** @param {BoardState} state */
    draw(state) {
      const { causal, padding, window } = state.rules;
      switches.causal.show(causal !== null);
      switches.padding.show(padding !== null);
      switches.window.show(window !== null);
      offset.show(state.offset);
      length.show(state.length);
      left.show(Math.min(state.left, FARTHEST + 1));
      right.show(Math.min(state.right, FARTHEST + 1));
      offset.element.classList.toggle("cw-mask-off", causal === null && window === null);
      length.element.classList.toggle("cw-mask-off", padding === null);
      for (const part of [left, right]) part.element.classList.toggle("cw-mask-off", window === null);
      how.show(WAYS.indexOf(state.how));
      polarity.show(READINGS.indexOf(state.polarity));
      empty.show(EMPTY_ROWS.indexOf(state.emptyRow));
      empty.element.hidden = state.how !== "minus_infinity" || !wanted.includes("empty_row");
    },
  };
}

/**
 * The scores with the mask on them: every cell says its score, its entry of the mask, and by its hatching who forbids it.
 * @param {Model} model
 * @param {BoardState} first
 * @param {string} help
 * @param {Change} change
 * @param {(cell: readonly [number, number] | null) => void} hover
 */
function scoresBoard(model, first, help, change, hover) {
  const select = (/** @type {number} */ query, /** @type {number} */ key) => {
    hover(null); // the keys are elsewhere now, whatever the pointer rests on
    if (model.get("selected") !== query || model.get("selected_key") !== key) {
      change({ selected: query, selected_key: key });
    }
  };
  const act = (/** @type {number} */ query, /** @type {number} */ key) => {
    const blocked = /** @type {number[][]} */ (model.get("blocked"));
    const others = blocked.filter(([i, j]) => i !== query || j !== key);
    change({ blocked: others.length < blocked.length ? others : [...blocked, [query, key]].sort(inOrder) });
  };
  const grid = new Grid(first.tokens, first.keyTokens, "Scores and mask", { help, select, act, hover });
  const faces = grid.cells.map((row) =>
    row.map((cell) => {
      const face = { number: html("span", { class: "cw-mask-face" }), entry: html("span", { class: "cw-mask-entry" }) };
      cell.append(face.number, face.entry);
      return face;
    }),
  );
  const swatches = [...RULES, /** @type {const} */ ("reader")].map((name) => {
    const words = name === "reader" ? "True, read as blocked" : name === "hand" ? "by hand" : name;
    return {
      name,
      element: html("span", { class: "cw-key-item" }, html("span", { class: `cw-mask-swatch cw-by-${name}` }), words),
    };
  });
  const legend = html("div", { class: "cw-mask-legend" }, ...swatches.map((swatch) => swatch.element));
  const { element, subtitle } = panel("1 Scores and mask", " ", grid.element, legend);
  return {
    element,
    /**
     * @param {BoardState} state
     * @param {readonly [number, number]} marked
     */
    draw(state, marked) {
      const flipped = state.polarity === "block";
      setText(subtitle, `T = ${flipped ? "blocked" : "may attend"}; press a cell to change it`);
      state.scores.forEach((row, i) =>
        row.forEach((score, j) => {
          const cell = grid.cells[i][j];
          const forbids = state.forbidding[i][j];
          const entry = state.mask[i][j];
          setText(faces[i][j].number, brief(score, row.length > 6 ? 1 : 2));
          setText(faces[i][j].entry, entry ? "T" : "F");
          for (const rule of RULES) cell.classList.toggle(`cw-by-${rule}`, !flipped && forbids.includes(rule));
          cell.classList.toggle("cw-by-reader", flipped && entry);
          cell.classList.toggle("cw-forbidden", !state.allowed[i][j]);
          setAttributes(cell, { "aria-label": cellInWords(state, i, j) });
        }),
      );
      grid.mark(marked, state.at);
      for (const { name, element: swatch } of swatches) {
        const used =
          name === "reader" ? flipped : !flipped && state.forbidding.some((row) => row.some((by) => by.includes(name)));
        swatch.hidden = !used;
      }
    },
  };
}

/**
 * @param {readonly number[]} first
 * @param {readonly number[]} second
 */
function inOrder(first, second) {
  return first[0] - second[0] || first[1] - second[1];
}

/**
 * A cell for a screen reader.
 * @param {BoardState} state
 * @param {number} query
 * @param {number} key
 */
function cellInWords(state, query, key) {
  const by = state.forbidding[query][key];
  const may =
    state.polarity === "block"
      ? state.mask[query][key]
        ? "True, read as blocked"
        : "False, read as may attend"
      : by.length === 0
        ? "may attend"
        : `forbidden by ${by.join(" and ")}`;
  return `query ${state.tokens[query]}, key ${state.keyTokens[key]}: score ${brief(state.scores[query][key]).replace("−", "-")}, ${may}`;
}

/**
 * The weights that the chosen way gives, with their sums; a forbidden key that gets weight is framed.
 * @param {BoardState} first
 * @param {HTMLElement} root
 */
function weightsBoard(first, root) {
  const grid = new Grid(first.tokens, first.keyTokens, "Weights, and the sum of each row", null, "sum");
  const sums = grid.sums.map((cell) => {
    const parts = { number: html("span", { class: "cw-mask-face" }), remark: html("span", { class: "cw-mask-entry" }) };
    cell.append(parts.number, parts.remark);
    return parts;
  });
  const note = html("div", { class: "cw-mask-note" });
  const { element, subtitle } = panel("2 Weights", " ", grid.element, note);
  return {
    element,
    /**
     * @param {BoardState} state
     * @param {readonly [number, number]} marked
     */
    draw(state, marked) {
      setText(subtitle, FORMULAS[WAYS.indexOf(state.how)]);
      state.weights.forEach((row, i) => {
        row.forEach((weight, j) => {
          const cell = grid.cells[i][j];
          const colours = Number.isNaN(weight)
            ? { background: "", text: "" }
            : weightColours(weight, root.dataset.theme);
          setText(cell, weightText(weight));
          cell.style.backgroundColor = colours.background;
          cell.style.color = colours.text;
          cell.classList.toggle("cw-nan", Number.isNaN(weight));
          cell.classList.toggle("cw-leak", weight > 0 && !state.allowed[i][j]);
        });
        const isOne = Math.abs(state.sums[i] - 1) < 5e-3;
        setText(sums[i].number, weightText(state.sums[i]));
        setText(sums[i].remark, isOne ? "" : "≠ 1");
        grid.sums[i].classList.toggle("cw-wrong", !isOne);
      });
      grid.mark(marked, state.at);
      setText(note, explain(state));
    },
  };
}

/**
 * What the chosen way does to these weights.
 * @param {BoardState} state
 */
function explain(state) {
  if (state.how === "zero_weights") {
    return "Zeroed after softmax: what the forbidden keys had is lost, and their rows sum to less than 1.";
  }
  if (state.how === "zero_scores") {
    return "A score of 0 is no ban: exp(0) = 1, so forbidden keys still get weight (dashed frames).";
  }
  if (state.empty < 0) return "Forbidden before softmax: weight 0, and the other keys of the row share all of it.";
  const query = `Query ${quoted(state.tokens[state.empty])} may attend to nothing`;
  if (state.emptyRow === "uniform")
    return `${query}: with −1e9 in every cell, softmax sees equal scores and spreads evenly.`;
  if (state.emptyRow === "nan") return `${query}: −∞ − (−∞) is NaN in a naive softmax, and NaN spreads.`;
  return `${query}: its weights and its output are zeros.`;
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildBoard(model, root, request));
  },
};
