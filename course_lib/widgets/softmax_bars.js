// Scores become weights: bars to drag; or random dot products at any d_k, looked up in a table that Python made.
import { softmaxRow } from "./attention.js";
import { Chart, Curve, evenTicks, Mark, MARK_HELP, sample } from "./parts/chart.js";
import { ColumnEnd, Columns, endHelp } from "./parts/columns.js";
import { allow, button, choice, panel, slider } from "./parts/controls.js";
import { html, percent, quoted, setText, written } from "./parts/elements.js";
import { linkSliders } from "./parts/links.js";
import { roundExtent } from "./parts/plane.js";
import { readVector, run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readBars>} BarState */
/** @typedef {"none" | "1/d_k" | "1/sqrt(d_k)"} Scaling */
/** @typedef {import("./parts/scene.js").Changes} Changes */

const SCALINGS = /** @type {const} */ (["none", "1/d_k", "1/sqrt(d_k)"]);
const SCALING_NAMES = ["none", "× 1/dₖ", "× 1/√dₖ"];
const LARGEST_SCORE = 100; // as Python allows
const STEPS = /** @type {const} */ ([0.1, 0.5]);

/**
 * The factor on a dot product of two vectors with so many components.
 * @param {Scaling} scaling
 * @param {number} components
 */
function factorOf(scaling, components) {
  return scaling === "none" ? 1 : scaling === "1/d_k" ? 1 / components : 1 / Math.sqrt(components);
}

/**
 * The table that Python made, read once: for every d_k, the dot products of each draw's query with each of its keys, then
 * the spread that was measured on each number of pairs.
 * @param {Model} model
 */
function drawsReader(model) {
  /** @type {DataView | null} */
  let read = null;
  let numbers = new Float32Array(0);
  const nSizes = () => /** @type {number} */ (model.get("sample_sizes").length);
  const largest = () => /** @type {number} */ (model.get("largest_d_k"));
  const nRows = () => /** @type {DataView} */ (model.get("table")).byteLength / 4 / largest();
  /** @param {number} index */
  const row = (index) => {
    const view = /** @type {DataView} */ (model.get("table"));
    if (view !== read) {
      read = view;
      numbers = new Float32Array(new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice().buffer);
    }
    return numbers.subarray(index * largest(), (index + 1) * largest());
  };
  return {
    largest,
    nProducts: () => nRows() - nSizes(),
    /** @param {number} index draw by draw, key by key */
    products: (index) => row(index),
    /** @param {number} place of the number of pairs among the sample sizes */
    spreads: (place) => row(nRows() - nSizes() + place),
  };
}

/** @typedef {ReturnType<typeof drawsReader>} Reader */

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 * @param {Reader | null} reader
 */
function readBars(model, reader) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const added = /** @type {number} */ (model.get("added"));
  const temperature = /** @type {number} */ (model.get("temperature"));
  const components = /** @type {number} */ (model.get("d_k"));
  const scaling = /** @type {Scaling} */ (model.get("scaling"));
  const draw = /** @type {number} */ (model.get("draw"));
  const sizes = /** @type {number[]} */ (model.get("sample_sizes"));
  const pairs = /** @type {number} */ (model.get("n_pairs"));
  const factor = factorOf(scaling, components);
  const products = tokens.map((_, key) => reader?.products(draw * tokens.length + key)[components - 1] ?? 0);
  const own = reader === null ? readVector(model, "scores", tokens.length) : [];
  const scores = reader === null ? own.map((score) => score + added) : products.map((product) => product * factor);
  const exponentials = scores.map((score) => Math.exp(score / temperature));
  const total = exponentials.reduce((sum, exponential) => sum + exponential, 0);
  const weights = softmaxRow(scores, temperature);
  const extent = /** @type {number} */ (model.get("extent"));
  return {
    tokens,
    added,
    temperature,
    components,
    scaling,
    draw,
    sizes,
    pairs,
    factor,
    products,
    scores,
    exponentials,
    total,
    weights,
    extent,
  };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildBars(model, root, request) {
  const reader = model.get("table").byteLength > 0 ? drawsReader(model) : null;
  const first = readBars(model, reader);
  const changes = traitChanges(model);
  const help = helpText(reader === null ? endHelp(STEPS) : MARK_HELP);
  const controls = reader === null ? scoreControls(model, first, changes) : drawControls(model, first, changes, reader);
  const reset = button("Reset", () => changes.set(model.get("start")));
  const parts =
    reader === null
      ? [
          scoresColumns(model, first, changes, help.id, request),
          grownColumns(first, request),
          weightColumns(first, "3 Weights", request),
        ]
      : [
          drawnColumns(first, reader, request),
          weightColumns(first, "2 Weights", request),
          spreadChart(model, changes, reader, help.id, request),
        ];
  const around = scene(model, root, {
    shown: [
      html("div", { class: "cw-controls" }, ...controls.elements, reset),
      html("div", { class: "cw-panels cw-panels-3" }, ...parts.map((part) => part.element)),
    ],
    helps: [help],
  });
  return {
    draw() {
      const state = readBars(model, reader);
      controls.draw(state);
      for (const part of parts) part.draw(state);
      around.tell(reader === null ? describeBars(state) : describeDraws(state, reader));
    },
    stop() {
      changes.stop();
      around.stop();
      for (const part of parts) part.stop();
    },
  };
}

/**
 * A number of any size in little room.
 * @param {number} number
 */
function compact(number) {
  if (number === 0 || (number >= 0.01 && number < 1000) || !Number.isFinite(number)) return written(number);
  const [digits, power] = number.toExponential(1).split("e");
  return `${digits}e${power.replace("+", "").replace("-", "−")}`;
}

/**
 * How far the best key leads and what that makes of its weight; and what adding to all of them did.
 * @param {BarState} state
 */
function describeBars(state) {
  const { tokens, scores, temperature, added } = state;
  const ordered = scores.map((_, key) => key).sort((a, b) => scores[b] - scores[a]);
  const [best, second] = ordered;
  const lead = scores[best] - scores[second];
  const power = temperature === 1 ? written(lead) : `(${written(lead)} / ${written(temperature)})`;
  const said = `Key ${quoted(tokens[best])} leads key ${quoted(tokens[second])} by ${written(lead)}, so its weight is e^${power} = ${compact(Math.exp(lead / temperature))} times as large.`;
  if (added === 0) return said;
  const times = compact(Math.exp(added / temperature));
  return `${said} Adding ${written(added)} to all scores made every exponential ${times} times as large, and their sum too: no weight changed.`;
}

/**
 * @param {BarState} state
 * @param {Reader} reader
 */
function describeDraws(state, reader) {
  const { components, tokens, weights, pairs, sizes, factor } = state;
  const spread = reader.spreads(sizes.indexOf(pairs))[components - 1];
  const best = weights.indexOf(Math.max(...weights));
  const scaled = state.scaling === "none" ? "" : `; times ${written(factor, 3)} that is ${written(spread * factor)}`;
  return `With ${components} components the dot products of ${pairs} random pairs spread by ${written(spread)} (√${components} is ${written(Math.sqrt(components))})${scaled}. In this draw key ${quoted(tokens[best])} gets ${percent(weights[best])} of the weight.`;
}

/**
 * @param {Model} model
 * @param {BarState} first
 * @param {Changes} changes
 */
function scoreControls(model, first, changes) {
  const temperature = slider(
    "Temperature",
    { min: 0.1, max: 5, step: 0.05 },
    (number) => changes.set({ temperature: number }),
    changes.rest,
  );
  const added = slider(
    "Add to all",
    { min: -5, max: 5, step: 0.1 },
    (number) => changes.set({ added: number }),
    changes.rest,
  );
  const double = button("Double all", () => {
    const { scores } = readBars(model, null);
    const doubled = scores.map((score, key) => /** @type {const} */ ([`scores_${key}`, 2 * score]));
    changes.set({ ...Object.fromEntries(doubled), added: 0 });
    changes.rest();
  });
  const wanted = /** @type {string[]} */ (model.get("controls"));
  temperature.element.hidden = !wanted.includes("temperature");
  added.element.hidden = !wanted.includes("added");
  double.hidden = !wanted.includes("double");
  return {
    elements: [temperature.element, added.element, double],
    /** @param {BarState} state */
    draw(state) {
      temperature.show(state.temperature);
      added.show(state.added);
      allow(double, Math.max(...state.scores.map(Math.abs)) <= LARGEST_SCORE / 2);
    },
  };
}

/**
 * @param {Model} model
 * @param {BarState} first
 * @param {Changes} changes
 * @param {Reader} reader
 */
function drawControls(model, first, changes, reader) {
  const whole = (/** @type {number} */ number) => written(number, 0);
  const temperature = slider(
    "Temperature",
    { min: 0.1, max: 5, step: 0.05 },
    (number) => changes.set({ temperature: number }),
    changes.rest,
  );
  const components = slider(
    "Components dₖ",
    { min: 1, max: reader.largest(), step: 1 },
    (number) => changes.set({ d_k: number }),
    changes.rest,
    whole,
  );
  const scaling = choice("Scale", SCALING_NAMES, (index) => changes.set({ scaling: SCALINGS[index] }));
  const pairs = slider(
    "Pairs measured",
    { min: 0, max: first.sizes.length - 1, step: 1 },
    (place) => changes.set({ n_pairs: first.sizes[place] }),
    changes.rest,
    (place) => whole(first.sizes[place]),
  );
  const nDraws = reader.nProducts() / first.tokens.length;
  const again = button("Another draw", () => {
    changes.set({ draw: (model.get("draw") + 1) % nDraws });
    changes.rest();
  });
  const wanted = /** @type {string[]} */ (model.get("controls"));
  const all = { temperature, d_k: components, scaling, n_pairs: pairs, draw: { element: again } };
  for (const [name, control] of Object.entries(all)) control.element.hidden = !wanted.includes(name);
  return {
    elements: Object.values(all).map((control) => control.element),
    /** @param {BarState} state */
    draw(state) {
      temperature.show(state.temperature);
      components.show(state.components);
      scaling.show(SCALINGS.indexOf(state.scaling));
      pairs.show(state.sizes.indexOf(state.pairs));
    },
  };
}

/**
 * @param {Model} model
 * @param {BarState} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function scoresColumns(model, first, changes, help, request) {
  const columns = new Columns(first.tokens, "Scores; drag the end of a bar", "cw-raw", request);
  const ends = first.tokens.map((token, key) => {
    const name = `scores_${key}`;
    const added = () => /** @type {number} */ (model.get("added"));
    return new ColumnEnd(columns, key, {
      label: `score ${token}`,
      help,
      steps: STEPS,
      rest: changes.rest,
      get: () => model.get(name) + added(),
      set: (number) => changes.set({ [name]: number - added() }),
      start: () => (model.get("start")[name] ?? model.get(name)) + added(),
    });
  });
  columns.handles.append(...ends.map((end) => end.element));
  const { element, subtitle } = panel("1 Scores", "drag a bar up or down", columns.element);
  return {
    element,
    /** @param {BarState} state */
    draw(state) {
      const reach = roundExtent(Math.max(...state.scores.map(Math.abs)), state.extent);
      columns.frame(-reach, reach);
      setText(
        subtitle,
        state.added === 0 ? "drag a bar up or down" : `drag a bar; ${written(state.added)} is added to all`,
      );
      state.scores.forEach((score, key) => columns.draw(key, score, written(score)));
      for (const end of ends) end.draw();
    },
    stop: () => columns.stop(),
  };
}

/**
 * @param {BarState} first
 * @param {() => void} request
 */
function grownColumns(first, request) {
  const columns = new Columns(first.tokens, "The exponential of each score", "cw-grown", request);
  const { element, subtitle } = panel("2 Exponentials", " ", columns.element);
  return {
    element,
    /** @param {BarState} state */
    draw(state) {
      const finite = state.exponentials.filter(Number.isFinite);
      columns.frame(0, roundExtent(Math.max(...finite, 1), 1));
      const power = state.temperature === 1 ? "score" : `(score / ${written(state.temperature)})`;
      setText(subtitle, `e^${power}; sum ${compact(state.total)}`);
      state.exponentials.forEach((exponential, key) => columns.draw(key, exponential, compact(exponential)));
    },
    stop: () => columns.stop(),
  };
}

/**
 * @param {BarState} first
 * @param {string} title
 * @param {() => void} request
 */
function weightColumns(first, title, request) {
  const columns = new Columns(first.tokens, "The weight of each key", "cw-shares", request);
  const { element, subtitle } = panel(title, " ", columns.element);
  return {
    element,
    /** @param {BarState} state */
    draw(state) {
      columns.frame(0, 1);
      const sum = state.weights.reduce((total, weight) => total + weight, 0);
      setText(subtitle, `each / sum of all; row sum ${written(sum)}`);
      state.weights.forEach((weight, key) => columns.draw(key, weight, written(weight)));
    },
    stop: () => columns.stop(),
  };
}

/**
 * Dot products of one draw. The axis stays while d moves, so that their growth shows.
 * @param {BarState} first
 * @param {Reader} reader
 * @param {() => void} request
 */
function drawnColumns(first, reader, request) {
  const columns = new Columns(first.tokens, "Scaled dot products of one draw", "cw-raw", request);
  const { element, subtitle } = panel("1 Scores of one draw", " ", columns.element);
  let reach = 1;
  let reachOf = "";
  return {
    element,
    /** @param {BarState} state */
    draw(state) {
      if (reachOf !== `${state.draw} ${state.scaling}`) {
        reachOf = `${state.draw} ${state.scaling}`;
        reach = largestScore(reader, state);
      }
      columns.frame(-reach, reach);
      const factor = state.scaling === "none" ? "" : ` × ${written(state.factor, 3)}`;
      setText(subtitle, `draw ${state.draw + 1}: q · k${factor}`);
      state.scores.forEach((score, key) => columns.draw(key, score, written(score, Math.abs(score) < 10 ? 2 : 1)));
    },
    stop: () => columns.stop(),
  };
}

/**
 * The end of the axis: a round number that no score of this draw exceeds at any d.
 * @param {Reader} reader
 * @param {BarState} state
 */
function largestScore(reader, state) {
  let largest = 0;
  state.tokens.forEach((_, key) => {
    reader.products(state.draw * state.tokens.length + key).forEach((product, place) => {
      largest = Math.max(largest, Math.abs(product) * factorOf(state.scaling, place + 1));
    });
  });
  return roundExtent(largest, 1);
}

/**
 * How far dot products spread at every d, measured and expected, after the scale.
 * @param {Model} model
 * @param {Changes} changes
 * @param {Reader} reader
 * @param {string} help
 * @param {() => void} request
 */
function spreadChart(model, changes, reader, help, request) {
  const largest = reader.largest();
  const chart = new Chart(
    "How far the dot products of random pairs spread",
    { left: 34, right: 10, height: 230, x: "components dₖ" },
    request,
  );
  const measured = new Curve(0);
  const expected = new Curve(1);
  chart.area.append(expected.element, measured.element);
  const mark = new Mark(chart, {
    label: "number of components",
    help,
    rest: changes.rest,
    get: () => model.get("d_k"),
    set: (value) => changes.set({ d_k: Math.round(value) }),
    step: (direction, coarse) => model.get("d_k") + direction * (coarse ? 16 : 1),
    start: () => model.get("start").d_k ?? model.get("d_k"),
    text: (value) => `dₖ = ${written(value, 0)}`,
  });
  const legends = [html("span"), html("span")];
  const entries = legends.map((text, series) => html("span", { class: "cw-entry" }, sample(series), text));
  const legend = html("div", { class: "cw-legend" }, ...entries);
  const { element, subtitle } = panel("3 Spread of many", " ", chart.element, legend);
  let drawnFor = "";
  /** @param {BarState} state */
  const drawCurves = (state) => {
    const drawn = `${state.pairs} ${state.scaling} ${chart.width}`;
    if (drawn === drawnFor) return;
    drawnFor = drawn;
    const high = { none: roundExtent(1.25 * Math.sqrt(largest)), "1/d_k": 1.5, "1/sqrt(d_k)": 2 }[state.scaling];
    chart.frame({ low: 1, high: largest, ticks: sizeTicks(largest) }, { low: 0, high, ticks: evenTicks(0, high, 4) });
    const spreads = reader.spreads(state.sizes.indexOf(state.pairs));
    /** @param {(components: number) => number} spread */
    const line = (spread) =>
      Array.from(spreads, (_, place) => {
        const components = place + 1;
        const scaled = spread(components) * factorOf(state.scaling, components);
        return /** @type {const} */ ([chart.acrossTo(components), chart.downTo(scaled)]);
      });
    measured.draw(
      line((components) => spreads[components - 1]),
      [],
    );
    expected.draw(line(Math.sqrt), []);
    setText(legends[0], `measured on ${state.pairs} pairs`);
    setText(legends[1], { none: "√dₖ", "1/d_k": "√dₖ / dₖ", "1/sqrt(d_k)": "√dₖ / √dₖ = 1" }[state.scaling]);
  };
  return {
    element,
    /** @param {BarState} state */
    draw(state) {
      drawCurves(state);
      mark.draw();
      const spread = reader.spreads(state.sizes.indexOf(state.pairs))[state.components - 1] * state.factor;
      setText(subtitle, `standard deviation here: ${written(spread)}`);
    },
    stop: () => chart.stop(),
  };
}

/**
 * The ends of the axis of sizes, and round sizes between them.
 * @param {number} largest
 * @returns {[number, string][]}
 */
function sizeTicks(largest) {
  const round = evenTicks(0, largest, 4).filter(([size]) => size > 0.1 * largest && size < 0.9 * largest);
  return [[1, "1"], ...round, [largest, written(largest, 0)]];
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildBars(model, root, request));
  },
};
