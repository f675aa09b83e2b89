// The shuffle: tokens move within their row; each output goes with its token, unless attention is told the order.
import { rotate, sinusoidalPositions } from "./arithmetic/positions.js";
import { attentionWeights, project, weightedSum } from "./attention.js";
import { button, choice } from "./parts/controls.js";
import { html, percent, quoted, setAttributes, setText, shortened, written } from "./parts/elements.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";
import { fillTrack } from "./parts/tables.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {{x: number[][], w_query: number[][], w_key: number[][], w_value: number[][]}} Given */
/** @typedef {ReturnType<typeof readShuffle>} Shuffled */
/** @typedef {(values: Record<string, any>) => void} SetTraits */

const ENCODINGS = ["none", "sinusoidal", "rotary"];
const SAME = 1e-9; // sums in another order differ by rounding, about 1e-16
const TOLD = {
  none: ["not told to attention", "without positions"],
  sinusoidal: ["sinusoids are added to x", "with sinusoidal positions"],
  rotary: ["turns query and key", "with rotary positions"],
};

/**
 * Self-attention over the tokens in some order.
 * @param {Given} given
 * @param {readonly number[]} order
 * @param {string} positions
 */
function attend(given, order, positions) {
  let x = order.map((token) => given.x[token]);
  if (positions === "sinusoidal") {
    const added = sinusoidalPositions(x.length, x[0].length);
    x = x.map((row, place) => row.map((number, component) => number + added[place][component]));
  }
  const places = order.map((_, place) => place);
  const turn = (/** @type {number[][]} */ rows) => (positions === "rotary" ? rotate(rows, places) : rows);
  const weights = attentionWeights(turn(project(x, given.w_query)), turn(project(x, given.w_key)));
  return { weights, output: weightedSum(weights, project(x, given.w_value)) };
}

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readShuffle(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const order = /** @type {number[]} */ (model.get("places"));
  const given = /** @type {Given} */ (model.get("given"));
  const positions = /** @type {keyof typeof TOLD} */ (model.get("positions"));
  const { weights, output } = attend(given, order, positions);
  const before = attend(
    given,
    tokens.map((_, token) => token),
    positions,
  ).output;
  const change = output.map((row, place) =>
    Math.max(...row.map((number, component) => Math.abs(number - before[order[place]][component]))),
  );
  return { tokens, order, given, positions, weights, output, before, change };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 */
function buildShuffle(model, root) {
  const first = readShuffle(model);
  const { set, rest, stop } = traitChanges(model);
  const help = helpText(TOKEN_HELP);
  const controls = shuffleControls(model, set);
  const board = tokenBoard(model, first, set, rest, help.id);
  const around = scene(model, root, { shown: [controls.element, board.element], helps: [help] });
  return {
    draw() {
      const state = readShuffle(model);
      controls.draw(state);
      board.draw(state);
      around.tell(describeShuffle(state));
    },
    stop() {
      stop();
      around.stop();
    },
  };
}

/** @param {Shuffled} state */
function isFirstOrder({ order }) {
  return order.every((token, place) => token === place);
}

/** @param {Shuffled} state */
function describeShuffle(state) {
  const { tokens, order, change } = state;
  const named = order.map((token) => shortened(tokens[token], 12)).join(" ");
  const told = TOLD[state.positions][1];
  if (isFirstOrder(state)) return `“${named}” is the first order, ${told}. Move a token and look at the outputs.`;
  const most = change.indexOf(Math.max(...change));
  if (change[most] < SAME) {
    return `“${named}”, ${told}: every output went with its token, its numbers unchanged. The rows change places (equivariant); attention cannot tell this order from the first.`;
  }
  const by = change[most] < 0.005 ? "less than 0.01" : written(change[most]);
  return `“${named}”, ${told}: the outputs changed, most for ${quoted(tokens[order[most]])}, by ${by}. Attention notices the order.`;
}

/**
 * @param {Model} model
 * @param {SetTraits} set
 */
function shuffleControls(model, set) {
  const positions = choice("Positions", ENCODINGS, (index) => set({ positions: ENCODINGS[index] }));
  const last = positions.element.querySelectorAll("input")[2];
  last.disabled = model.get("given").w_query[0].length % 2 === 1; // pairs of components turn
  const shuffle = button("Shuffle", () => {
    const draws = /** @type {number[][]} */ (model.get("draws"));
    let turn = model.get("turn") + 1;
    if (String(draws[turn % draws.length]) === String(model.get("places"))) turn += 1;
    set({ turn, places: draws[turn % draws.length] });
  });
  const back = button("Back to the first order", () =>
    set({
      places: model.get("tokens").map((/** @type {string} */ _, /** @type {number} */ token) => token),
    }),
  );
  const wanted = /** @type {string[]} */ (model.get("controls"));
  positions.element.hidden = !wanted.includes("positions");
  shuffle.hidden = !wanted.includes("shuffle");
  back.hidden = !wanted.includes("back");
  return {
    element: html("div", { class: "cw-controls" }, positions.element, shuffle, back),
    /** @param {Shuffled} state */
    draw(state) {
      positions.show(ENCODINGS.indexOf(state.positions));
    },
  };
}

/**
 * The row of places, and under it a column for each token: its name in the hand, x, what it attends to, its output.
 * @param {Model} model
 * @param {Shuffled} first
 * @param {SetTraits} set
 * @param {() => void} rest
 * @param {string} help
 */
function tokenBoard(model, first, set, rest, help) {
  const lane = html("div", { class: "cw-lane" });
  const columns = first.tokens.map((_, token) => new TokenColumn(model, first, token, lane, { set, rest, help }));
  const told = html("span", { class: "cw-told" });
  const heads = first.tokens.map((_, place) => html("div", { class: "cw-place" }, `place ${place}`));
  lane.append(...columns.map((column) => column.element));
  const names = html(
    "div",
    { class: "cw-names", "aria-hidden": "true" },
    html("div", {}, html("span", {}, "token"), html("small", {}, "drag, or ←\u00a0→")),
    html("div", {}, "x"),
    html("div", {}, "attends most to"),
    html("div", {}, html("span", {}, "output"), html("small", {}, "outline: in the first order")),
    html("div", {}, "changed by"),
  );
  const element = html(
    "div",
    {
      class: "cw-shuffle",
      role: "group",
      "aria-label": "Tokens in a row; move one",
    },
    html("div", { class: "cw-places" }, html("div", { class: "cw-toldcell" }, told), ...heads),
    names,
    lane,
  );
  const sizes = {
    n: first.tokens.length,
    x: first.given.x[0].length,
    o: first.output[0].length,
  };
  for (const [name, size] of Object.entries(sizes)) element.style.setProperty(`--${name}`, String(size));
  return {
    element,
    /** @param {Shuffled} state */
    draw(state) {
      setText(told, TOLD[state.positions][0]);
      element.classList.toggle("cw-untold", state.positions === "none");
      const reach = {
        x: largestOf(state.given.x),
        output: largestOf([...state.output, ...state.before]),
      };
      for (const column of columns) column.draw(state, reach);
    },
  };
}

/** @param {readonly (readonly number[])[]} rows */
function largestOf(rows) {
  return Math.max(1e-9, ...rows.flat().map(Math.abs));
}

/** A token's column, moved by its name. */
class TokenColumn {
  /**
   * @param {Model} model
   * @param {Shuffled} first
   * @param {number} token
   * @param {HTMLElement} lane
   * @param {{set: SetTraits, rest: () => void, help: string}} options
   */
  constructor(model, first, token, lane, options) {
    this.model = model;
    this.token = token;
    this.lane = lane;
    this.options = options;
    // Where it was grabbed, and the width of a column on the screen and in the picture's own pixels: a projector enlarges.
    /** @type {{from: number, place: number, seen: number, own: number} | null} */
    this.grip = null;
    this.shift = 0; // pixels beside its place, while it is held
    const name = first.tokens[token];
    this.chip = html(
      "div",
      {
        class: "cw-chip",
        tabindex: 0,
        role: "slider",
        title: name,
        "aria-label": name,
        "aria-roledescription": "token",
        "aria-describedby": options.help,
        "aria-valuemin": 0,
        "aria-valuemax": first.tokens.length - 1,
        "data-lm-suppress-shortcuts": "true",
        keydown: (event) => this.press(event),
        pointerdown: (event) => this.grab(event),
        pointermove: (event) => this.drag(event),
        pointerup: () => this.release(),
        pointercancel: () => this.release(),
        lostpointercapture: () => this.release(),
      },
      shortened(name, first.tokens.length > 4 ? 8 : 12),
    );
    this.x = new VectorBars(first.given.x[0].length);
    this.most = html("div", { class: "cw-most" });
    this.output = new VectorBars(first.output[0].length);
    this.change = html("div", { class: "cw-change" });
    this.element = html(
      "div",
      { class: "cw-tokencolumn" },
      this.chip,
      this.x.element,
      this.most,
      this.output.element,
      this.change,
    );
  }

  /** @returns {number[]} */
  get order() {
    return this.model.get("places");
  }

  /**
   * @param {Shuffled} state
   * @param {{x: number, output: number}} reach the largest numbers of the bars
   */
  draw(state, reach) {
    const place = state.order.indexOf(this.token);
    const weights = state.weights[place];
    const most = weights.indexOf(Math.max(...weights));
    this.element.style.transform = `translateX(calc(${100 * place}% + ${this.shift.toFixed(1)}px))`;
    this.x.draw(state.given.x[this.token], [], reach.x);
    setText(
      this.most,
      `${shortened(state.tokens[state.order[most]], 8)} ${percent(weights[most]).replace(" ", "\u00a0")}`,
    );
    this.output.draw(state.output[place], state.before[this.token], reach.output);
    const same = state.change[place] < SAME;
    setText(this.change, same ? "0.00 same" : `${written(state.change[place])} ≠`);
    this.element.classList.toggle("cw-changed", !same);
    setAttributes(this.chip, {
      "aria-valuenow": place,
      "aria-valuetext": `place ${place} of 0 to ${state.order.length - 1}; output ${same ? "as in the first order" : `changed by ${written(state.change[place])}`}`,
    });
  }

  /**
   * Take this token out of the row and put it in at another place.
   * @param {number} place
   */
  moveTo(place) {
    const others = this.order.filter((token) => token !== this.token);
    const target = Math.min(Math.max(place, 0), others.length);
    if (this.order[target] === this.token) return;
    this.options.set({
      places: [...others.slice(0, target), this.token, ...others.slice(target)],
    });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const place = this.order.indexOf(this.token);
    /** @type {Record<string, number>} */
    const moves = {
      ArrowLeft: place - 1,
      ArrowRight: place + 1,
      Home: 0,
      End: this.order.length - 1,
    };
    if (moves[event.key] === undefined && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") this.options.set({ places: [...this.order].sort((a, b) => a - b) });
    else this.moveTo(moves[event.key]);
    this.options.rest();
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no text selection, and the focus is set by us
    this.chip.focus({ preventScroll: true });
    this.chip.setPointerCapture(event.pointerId);
    const count = this.order.length;
    const [seen, own] = [this.lane.getBoundingClientRect().width / count, this.lane.offsetWidth / count];
    this.grip = { from: event.clientX, place: this.order.indexOf(this.token), seen, own };
    this.element.classList.add("cw-held");
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.grip === null) return;
    const { from, place, seen, own } = this.grip;
    const wanted = Math.min(Math.max(place + (event.clientX - from) / seen, 0), this.order.length - 1);
    this.moveTo(Math.round(wanted));
    this.shift = (wanted - this.order.indexOf(this.token)) * own;
    this.element.style.transform = `translateX(calc(${100 * this.order.indexOf(this.token)}% + ${this.shift.toFixed(1)}px))`;
  }

  release() {
    if (this.grip === null) return;
    this.grip = null;
    this.shift = 0;
    this.element.classList.remove("cw-held");
    this.element.style.transform = `translateX(${100 * this.order.indexOf(this.token)}%)`;
    this.options.rest();
  }
}

/** A vector as bars about zero, with its numbers; an outline shows what each was before. */
class VectorBars {
  /** @param {number} size */
  constructor(size) {
    this.rows = Array.from({ length: size }, () => {
      const fill = html("i", { class: "cw-vectorfill" });
      const outline = html("i", { class: "cw-vectoroutline" });
      const number = html("span", {});
      const track = html("span", { class: "cw-vectortrack" }, outline, fill);
      return {
        fill,
        outline,
        number,
        element: html("div", { class: "cw-vectorrow" }, track, number),
      };
    });
    this.element = html("div", { class: "cw-vectorbars" }, ...this.rows.map(({ element }) => element));
  }

  /**
   * @param {readonly number[]} vector
   * @param {readonly number[]} before empty: no outline
   * @param {number} reach the largest number there is
   */
  draw(vector, before, reach) {
    vector.forEach((number, index) => {
      const row = this.rows[index];
      const outlined = (before[index] ?? 0) / reach;
      fillTrack(row.fill, 0.5, number / reach / 2);
      row.outline.style.left = `${50 * (1 + Math.min(outlined, 0))}%`;
      row.outline.style.width = `${50 * Math.abs(outlined)}%`;
      row.outline.hidden = before.length === 0;
      setText(row.number, written(number));
      row.fill.classList.toggle("cw-negative", number < 0);
    });
  }
}

const TOKEN_HELP =
  "Left and right arrow move the token by one place, Home and End to the ends of the row. Escape restores the first order.";

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root) => buildShuffle(model, root));
  },
};
