// The stage: vectors, scores, weights and output of one query; every panel follows the hand.
import { causalMask, dotProductScores, maskedScores, scaledScores, softmax, weightedSum } from "./attention.js";
import { Arrow, Label, placeLabels } from "./parts/arrows.js";
import { button, choice, panel, slider, toggle } from "./parts/controls.js";
import { html, percent, quoted, setAttributes, setText, shortened, svg, written } from "./parts/elements.js";
import { KEY_HELP, traitHandle } from "./parts/handles.js";
import { hullPath } from "./parts/hull.js";
import { linkSliders } from "./parts/links.js";
import { Plane, point } from "./parts/plane.js";
import { readArray, run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";
import { Bars, WeightMatrix } from "./parts/tables.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {import("./parts/scene.js").Changes} Changes */
/** @typedef {ReturnType<typeof readState>} State */

const SCALED = Math.SQRT1_2; // 1 / sqrt(d_k), d_k = 2

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readState(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const n = tokens.length;
  const [query, key, value] = ["query", "key", "value"].map((name) => readArray(model, name, n));
  const scale = /** @type {number} */ (model.get("scale"));
  const temperature = /** @type {number} */ (model.get("temperature"));
  const isCausal = /** @type {boolean} */ (model.get("is_causal"));
  const products = dotProductScores(query, key);
  const scaled = scaledScores(query, key, scale);
  const scores = isCausal ? maskedScores(scaled, causalMask(n)) : scaled;
  const weights = softmax(scores, temperature);
  const output = weightedSum(weights, value);
  const selected = Math.min(/** @type {number} */ (model.get("selected")), n - 1);
  const extent = /** @type {number} */ (model.get("extent"));
  return {
    tokens,
    query,
    key,
    value,
    scale,
    temperature,
    isCausal,
    products,
    scores,
    weights,
    output,
    selected,
    extent,
  };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildStage(model, root, request) {
  const first = readState(model);
  const shown = /** @type {string[]} */ (model.get("show"));
  const changes = traitChanges(model);
  const help = helpText(KEY_HELP);
  const controls = buildControls(model, first, changes);
  const panels = [
    shown.includes("vectors") ? vectorsPanel(model, first, changes, help.id, request) : null,
    shown.includes("scores") ? scoresPanel(first) : null,
    shown.includes("weights") ? weightsPanel(first, root, (row) => changes.set({ selected: row })) : null,
    shown.includes("output") ? outputPanel(model, first, changes, help.id, request) : null,
  ].filter((part) => part !== null);
  const body = html("div", { class: `cw-panels cw-panels-${panels.length}` }, ...panels.map((part) => part.element));
  if (first.tokens.length > 4) body.classList.add("cw-many");
  const around = scene(model, root, { shown: [controls.element, body], helps: [help] });

  return {
    draw() {
      const state = readState(model);
      controls.draw(state);
      for (const part of panels) part.draw(state);
      around.tell(describe(state, shown));
    },
    stop() {
      changes.stop();
      around.stop();
      for (const part of panels) part.stop();
    },
  };
}

/**
 * The change in words: what the selected query attends to most, and its output; its best score where only scores show.
 * @param {State} state
 * @param {readonly string[]} shown
 */
function describe(state, shown) {
  const { tokens, selected } = state;
  if (!shown.includes("weights") && !shown.includes("output")) {
    const scores = state.scores[selected];
    const best = scores.indexOf(Math.max(...scores));
    return `Query ${quoted(tokens[selected])} now has its highest score, ${written(scores[best])}, with key ${quoted(tokens[best])}.`;
  }
  const row = state.weights[selected];
  const most = row.indexOf(Math.max(...row));
  const [x, y] = state.output[selected];
  return `Query ${quoted(tokens[selected])} now attends ${percent(row[most])} to key ${quoted(tokens[most])}; its output is (${written(x)}, ${written(y)}).`;
}

/**
 * @param {Model} model
 * @param {State} first
 * @param {Changes} changes
 */
function buildControls(model, first, changes) {
  const query = choice("Query", first.tokens, (index) => changes.set({ selected: index }));
  const temperature = slider(
    "Temperature",
    { min: 0.1, max: 5, step: 0.05 },
    (number) => changes.set({ temperature: number }),
    changes.rest,
  );
  const scale = toggle("Scale by 1/√d", (on) => changes.set({ scale: on ? SCALED : 1 }));
  scale.element.lastElementChild?.append(html("sub", {}, "k"));
  const causal = toggle("Causal mask", (on) => changes.set({ is_causal: on }));
  const reset = button("Reset", () => changes.set(model.get("start")));
  const wanted = /** @type {string[]} */ (model.get("controls"));
  for (const [name, control] of Object.entries({ query, temperature, scale, causal })) {
    control.element.hidden = !wanted.includes(name);
  }
  return {
    element: html(
      "div",
      { class: "cw-controls" },
      query.element,
      temperature.element,
      scale.element,
      causal.element,
      reset,
    ),
    /** @param {State} state */
    draw(state) {
      query.show(state.selected);
      temperature.show(state.temperature);
      scale.show(Math.abs(state.scale - SCALED) < 1e-6);
      causal.show(state.isCausal);
    },
  };
}

/**
 * @param {Model} model
 * @param {State} first
 * @param {Changes} changes
 * @param {string} help
 * @param {Plane} plane
 * @param {"query" | "key" | "value"} kind
 */
function vectorHandles(model, first, changes, help, plane, kind) {
  return first.tokens.map((token, row) => {
    return traitHandle(plane, model, changes, [`${kind}_${row}_x`, `${kind}_${row}_y`], {
      label: `${kind} ${token}`,
      kind,
      help,
      chosen: kind === "query" ? () => changes.set({ selected: row }) : undefined,
    });
  });
}

/**
 * @param {Model} model
 * @param {State} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function vectorsPanel(model, first, changes, help, request) {
  const plane = new Plane("Queries and keys; drag a tip", request);
  const rows = first.tokens.map((_, row) => row);
  const kinds = /** @type {const} */ (["key", "query"]);
  const arrows = { key: rows.map(() => new Arrow("key")), query: rows.map(() => new Arrow("query")) };
  const labels = { key: rows.map(() => new Label("cw-key")), query: rows.map(() => new Label("cw-query")) };
  const handles = {
    query: vectorHandles(model, first, changes, help, plane, "query"),
    key: vectorHandles(model, first, changes, help, plane, "key"),
  };
  for (const kind of kinds) {
    plane.arrows.append(...arrows[kind].map((arrow) => arrow.element));
    plane.labels.append(...labels[kind].map((label) => label.element));
  }
  plane.handles.append(
    ...handles.query.map((handle) => handle.element),
    ...handles.key.map((handle) => handle.element),
  );
  const { element } = panel("1 Vectors", "drag a query q or a key k", plane.element);
  return {
    element,
    /** @param {State} state */
    draw(state) {
      plane.frame(state.extent);
      const origin = plane.place([0, 0]);
      for (const kind of kinds) {
        for (const row of rows) {
          const tip = plane.place(state[kind][row]);
          arrows[kind][row].move(origin, tip);
          labels[kind][row].set(`${kind[0]} ${shortened(state.tokens[row])}`, tip);
          handles[kind][row].draw();
          const quiet = kind === "query" && row !== state.selected;
          for (const part of [arrows[kind][row], labels[kind][row], handles[kind][row]]) {
            part.element.classList.toggle("cw-quiet", quiet);
          }
        }
      }
      const ordered = [
        labels.query[state.selected],
        ...labels.key,
        ...labels.query.filter((_, row) => row !== state.selected),
      ];
      placeLabels(
        ordered,
        plane,
        [...state.query, ...state.key].map((vector) => plane.place(vector)),
      );
    },
    stop: () => plane.stop(),
  };
}

/**
 * The end of the axis of scores: round, so that it does not follow every movement.
 * @param {readonly number[]} scores
 */
function scoreReach(scores) {
  const largest = Math.max(...scores.map(Math.abs));
  return (
    [1, 2, 3, 4, 6, 8, 10, 15, 20, 30, 40, 60, 80, 100, 200, 500, 1000, 5000, 20000].find(
      (reach) => largest <= reach,
    ) ?? largest
  );
}

/** @param {State} first */
function scoresPanel(first) {
  const bars = new Bars(first.tokens, ["key", "", "q · k", "scaled"], "cw-scores");
  const axis = html("div", { class: "cw-axisnote" });
  const { element, subtitle } = panel("2 Scores", " ", bars.element, axis);
  return {
    element,
    /** @param {State} state */
    draw(state) {
      const row = state.products[state.selected];
      const reach = scoreReach([...row, ...row.map((score) => score * state.scale)]);
      setText(subtitle, `q ${shortened(state.tokens[state.selected])} · k, then × ${written(state.scale)}`);
      row.forEach((product, key) => {
        const score = state.scores[state.selected][key];
        const blocked = score === -Infinity;
        const length = blocked ? 0 : score / reach / 2;
        bars.draw(key, length, product / reach / 2, 0.5, [written(product), written(score)], blocked);
      });
      setText(axis, `axis from −${reach} to ${reach}; outline: before scaling`);
    },
    stop() {},
  };
}

/**
 * @param {State} first
 * @param {HTMLElement} root
 * @param {(row: number) => void} select
 */
function weightsPanel(first, root, select) {
  const bars = new Bars(first.tokens, ["key", "", "weight"], "cw-weights");
  const matrix = new WeightMatrix(first.tokens, "Weights of every query; each row sums to 1", select);
  const { element, subtitle } = panel("3 Weights", " ", bars.element, matrix.element);
  return {
    element,
    /** @param {State} state */
    draw(state) {
      const row = state.weights[state.selected];
      const divided = state.temperature === 1 ? "" : ` / ${written(state.temperature)}`;
      setText(subtitle, `softmax(scores${divided}) of q ${shortened(state.tokens[state.selected])}`);
      row.forEach((weight, key) => {
        const blocked = state.scores[state.selected][key] === -Infinity;
        bars.draw(key, weight, 0, 0, [blocked ? "masked" : percent(weight)], blocked);
      });
      matrix.draw(state.weights, state.selected, root.dataset.theme);
    },
    stop() {},
  };
}

/**
 * @param {Model} model
 * @param {State} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function outputPanel(model, first, changes, help, request) {
  const plane = new Plane("Values and the output; drag a value", request);
  const hull = svg("path", { class: "cw-hull" });
  const pulls = first.tokens.map(() => svg("path", { class: "cw-pull" }));
  const arrows = first.tokens.map(() => new Arrow("value"));
  const mixed = new Arrow("output");
  const labels = first.tokens.map(() => new Label("cw-value"));
  const mixedLabel = new Label("cw-output");
  const handles = vectorHandles(model, first, changes, help, plane, "value");
  plane.below.append(hull, ...pulls);
  plane.arrows.append(...arrows.map((arrow) => arrow.element), mixed.element);
  plane.labels.append(...labels.map((label) => label.element), mixedLabel.element);
  plane.handles.append(...handles.map((handle) => handle.element));
  const { element, subtitle } = panel("4 Output", " ", plane.element);
  return {
    element,
    /** @param {State} state */
    draw(state) {
      plane.frame(state.extent);
      const origin = plane.place([0, 0]);
      const output = state.output[state.selected];
      const end = plane.place(output);
      const tips = state.value.map((vector) => plane.place(vector));
      setText(subtitle, `Σ w · v = (${written(output[0])}, ${written(output[1])})`);
      setAttributes(hull, { d: hullPath(tips) });
      mixed.move(origin, end);
      mixedLabel.set("output", end);
      tips.forEach((tip, row) => {
        const weight = state.weights[state.selected][row];
        arrows[row].move(origin, tip);
        labels[row].set(`v ${shortened(state.tokens[row])} ${percent(weight)}`, tip);
        setAttributes(pulls[row], {
          d: `M${point(...end)}L${point(...tip)}`,
          "stroke-width": (12 * weight).toFixed(2),
        });
        handles[row].draw();
      });
      placeLabels([mixedLabel, ...labels], plane, [end, ...tips]);
    },
    stop: () => plane.stop(),
  };
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildStage(model, root, request));
  },
};
