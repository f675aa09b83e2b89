// The weighted sum: values in the plane, weights as bars, and the output that they make together.
import { weightedSum } from "./attention.js";
import { Arrow, Label, placeLabels } from "./parts/arrows.js";
import { ColumnEnd, Columns, endHelp } from "./parts/columns.js";
import { button, panel, toggle } from "./parts/controls.js";
import { html, quoted, setAttributes, setText, shortened, svg, written } from "./parts/elements.js";
import { KEY_HELP, traitHandle } from "./parts/handles.js";
import { hullPath, isInsideHull } from "./parts/hull.js";
import { linkSliders } from "./parts/links.js";
import { Plane, point, roundExtent } from "./parts/plane.js";
import { readArray, readVector, run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";
import { makeRoom, sharesOf, sumOf } from "./parts/shares.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {import("./parts/links.js").Derived} Derived */
/** @typedef {ReturnType<typeof readMixture>} Mixture */
/** @typedef {import("./parts/scene.js").Changes} Changes */

const STEPS = /** @type {const} */ ([0.05, 0.25]);
const [LEAST, LARGEST] = [-1, 2]; // as Python allows, where the weights need not sum to 1
const MOST_VALUES = 6;

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readMixture(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const value = readArray(model, "value", tokens.length);
  const weights = readVector(model, "weights", tokens.length);
  const parts = value.map(([x, y], row) => [weights[row] * x, weights[row] * y]);
  const output = weightedSum([weights], value)[0];
  const isInside = isInsideHull(output, value);
  const sumToOne = /** @type {boolean} */ (model.get("sum_to_one"));
  const chain = /** @type {boolean} */ (model.get("chain"));
  const edge = /** @type {number} */ (model.get("extent")); // where the handles of values end
  const corners = [[0, 0]];
  for (const [x, y] of parts) corners.push([corners[corners.length - 1][0] + x, corners[corners.length - 1][1] + y]);
  const drawn = chain ? corners : [output];
  const extent = roundExtent(Math.max(...[...value, ...drawn].flat().map(Math.abs)), edge);
  return { tokens, value, weights, parts, corners, output, isInside, sumToOne, chain, edge, extent };
}

/**
 * The traits that hold these weights.
 * @param {readonly number[]} weights
 */
function weightTraits(weights) {
  return Object.fromEntries(weights.map((weight, row) => [`weights_${row}`, weight]));
}

/**
 * What the weights become when one of them is moved.
 * @param {Model} model
 * @param {number} row
 * @param {number} weight
 */
function withMoved(model, row, weight) {
  const weights = readVector(model, "weights", model.get("tokens").length);
  weights[row] = weight;
  return weightTraits(model.get("sum_to_one") ? makeRoom(weights, row) : weights);
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildMixture(model, root, request) {
  const first = readMixture(model);
  const changes = traitChanges(model);
  const helps = [KEY_HELP, endHelp(STEPS)].map((text) => helpText(text));
  const sumToOne = toggle("Weights sum to 1", (on) => {
    const weights = readVector(model, "weights", first.tokens.length);
    changes.set(on ? { sum_to_one: true, ...weightTraits(sharesOf(weights)) } : { sum_to_one: false });
  });
  const chain = toggle("Tip to tail", (on) => changes.set({ chain: on }));
  const equal = button("Equal weights", () =>
    changes.set(weightTraits(first.tokens.map(() => 1 / first.tokens.length))),
  );
  const reset = button("Reset", () => changes.set(startOf(model, model.get("start").sum_to_one)));
  const wanted = /** @type {string[]} */ (model.get("controls"));
  sumToOne.element.hidden = !wanted.includes("sum_to_one");
  chain.element.hidden = !wanted.includes("chain");
  equal.hidden = !wanted.includes("equal");
  const parts = [
    weightsColumns(model, first, changes, helps[1].id, request),
    valuesPlane(model, first, changes, helps[0].id, request),
    sumTable(first),
  ];
  const around = scene(model, root, {
    shown: [
      html("div", { class: "cw-controls" }, sumToOne.element, chain.element, equal, reset),
      html("div", { class: "cw-panels cw-panels-3" }, ...parts.map((part) => part.element)),
    ],
    helps: [...helps],
  });
  return {
    draw() {
      const state = readMixture(model);
      sumToOne.show(state.sumToOne);
      chain.show(state.chain);
      for (const part of parts) part.draw(state);
      around.tell(describeMixture(state));
    },
    stop() {
      changes.stop();
      around.stop();
      for (const part of parts) part.stop();
    },
  };
}

/**
 * What Python gave last; its weights as shares where they must sum to 1.
 * @param {Model} model
 * @param {boolean} mustSum
 * @returns {Record<string, number>}
 */
function startOf(model, mustSum) {
  const start = model.get("start");
  if (!mustSum) return start;
  const weights = model
    .get("tokens")
    .map((/** @type {string} */ _, /** @type {number} */ row) => start[`weights_${row}`]);
  return { ...start, ...weightTraits(sharesOf(weights)) };
}

/** @param {readonly number[]} vector */
function pairOf(vector) {
  return `(${written(vector[0])}, ${written(vector[1])})`;
}

/**
 * Where the output is, and why.
 * @param {Mixture} state
 */
function describeMixture(state) {
  const total = sumOf(state.weights);
  const place = `The output ${pairOf(state.output)} lies ${state.isInside ? "inside" : "outside of"} the hull of the values`;
  const isAverage = Math.min(...state.weights) >= 0 && Math.abs(total - 1) < 1e-6;
  if (isAverage) return `${place}: weights of 0 or above that sum to 1 can lead nowhere else.`;
  const negative = state.weights.findIndex((weight) => weight < 0);
  const why =
    Math.abs(total - 1) < 1e-6
      ? `key ${quoted(state.tokens[negative])} has a weight below 0`
      : `the weights sum to ${written(total)}`;
  return `${place}; ${why}, so ${state.isInside ? "it could also lie outside" : "this is no average"}.`;
}

/**
 * @param {Model} model
 * @param {Mixture} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function weightsColumns(model, first, changes, help, request) {
  const columns = new Columns(first.tokens, "Weights; drag the end of a bar", "cw-shares", request);
  const ends = first.tokens.map((token, row) => {
    const name = `weights_${row}`;
    return new ColumnEnd(columns, row, {
      label: `weight ${token}`,
      help,
      steps: STEPS,
      rest: changes.rest,
      get: () => model.get(name),
      set: (weight) => changes.set(withMoved(model, row, weight)),
      start: () => startOf(model, model.get("sum_to_one"))[name] ?? model.get(name),
    });
  });
  columns.handles.append(...ends.map((end) => end.element));
  const { element, subtitle } = panel("1 Weights", " ", columns.element);
  return {
    element,
    /** @param {Mixture} state */
    draw(state) {
      columns.frame(state.sumToOne ? 0 : LEAST, state.sumToOne ? 1 : LARGEST);
      const total = written(sumOf(state.weights));
      setText(subtitle, state.sumToOne ? `others make room; sum ${total}` : `drag a bar; sum ${total}`);
      state.weights.forEach((weight, row) => columns.draw(row, weight, written(weight)));
      for (const end of ends) end.draw();
    },
    stop: () => columns.stop(),
  };
}

/**
 * @param {Model} model
 * @param {Mixture} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function valuesPlane(model, first, changes, help, request) {
  const plane = new Plane("Values and their weighted sum; drag a value", request);
  const hull = svg("path", { class: "cw-hull" });
  const pulls = first.tokens.map(() => svg("path", { class: "cw-pull" }));
  const links = first.tokens.map(() => new Arrow("x"));
  const chain = svg("g", { class: "cw-chain" }, ...links.map((link) => link.element));
  const arrows = first.tokens.map(() => new Arrow("value"));
  const mixed = new Arrow("output");
  const labels = first.tokens.map(() => new Label("cw-value"));
  const mixedLabel = new Label("cw-output");
  const handles = first.tokens.map((token, row) => {
    return traitHandle(plane, model, changes, [`value_${row}_x`, `value_${row}_y`], {
      label: `value ${token}`,
      kind: "value",
      help,
    });
  });
  plane.below.append(hull, ...pulls);
  plane.arrows.append(...arrows.map((arrow) => arrow.element), mixed.element, chain);
  plane.labels.append(...labels.map((label) => label.element), mixedLabel.element);
  plane.handles.append(...handles.map((handle) => handle.element));
  const { element, subtitle } = panel("2 Values and output", " ", plane.element);
  return {
    element,
    /** @param {Mixture} state */
    draw(state) {
      plane.frame(state.extent);
      plane.edge = state.edge;
      const origin = plane.place([0, 0]);
      const end = plane.place(state.output);
      const tips = state.value.map((vector) => plane.place(vector));
      const corners = state.corners.map((corner) => plane.place(corner));
      setText(subtitle, `output ${state.isInside ? "inside" : "outside of"} the hull`);
      setAttributes(hull, { d: hullPath(tips) });
      plane.element.classList.toggle("cw-outside", !state.isInside);
      chain.classList.toggle("cw-away", !state.chain);
      mixed.move(origin, end);
      mixedLabel.set("output", end);
      tips.forEach((tip, row) => {
        arrows[row].move(origin, tip);
        labels[row].set(`${written(state.weights[row])} v ${shortened(state.tokens[row])}`, tip);
        setAttributes(pulls[row], {
          d: state.chain ? "" : `M${point(...end)}L${point(...tip)}`,
          "stroke-width": (12 * Math.abs(state.weights[row])).toFixed(2),
        });
        links[row].move(corners[row], corners[row + 1]);
        handles[row].draw();
      });
      placeLabels([mixedLabel, ...labels], plane, [end, ...tips, ...(state.chain ? corners.slice(1) : [])]);
    },
    stop: () => plane.stop(),
  };
}

/**
 * The sum in numbers: weight times value, row by row, and the output below.
 * @param {Mixture} first
 */
function sumTable(first) {
  const rows = first.tokens.map((name) => {
    const cells = [0, 1, 2].map(() => html("td", { class: "cw-number" }));
    const row = html("tr", {}, html("th", { scope: "row", title: name }, shortened(name)), ...cells);
    return { row, cells };
  });
  const totals = [0, 1, 2].map(() => html("td", { class: "cw-number" }));
  const headings = ["key", "weight", "w · v, x", "w · v, y"].map((heading, place) =>
    html("th", { scope: "col", class: place > 0 ? "cw-number" : "" }, heading),
  );
  const table = html(
    "table",
    { class: "cw-sums" },
    html("thead", {}, html("tr", {}, ...headings)),
    html("tbody", {}, ...rows.map(({ row }) => row)),
    html("tfoot", {}, html("tr", {}, html("th", { scope: "row" }, "sum"), ...totals)),
  );
  const { element, subtitle } = panel("3 The sum", " ", table);
  return {
    element,
    /** @param {Mixture} state */
    draw(state) {
      setText(subtitle, `output = Σ w · v = ${pairOf(state.output)}`);
      rows.forEach(({ cells }, row) =>
        [state.weights[row], ...state.parts[row]].forEach((number, place) => setText(cells[place], written(number))),
      );
      [sumOf(state.weights), ...state.output].forEach((number, place) => setText(totals[place], written(number)));
    },
    stop() {},
  };
}

/**
 * Weights as sliders move them: while they sum to 1, the others make room.
 * @param {Model} model
 * @returns {Record<string, Derived>}
 */
function weightNumbers(model) {
  return Object.fromEntries(
    Array.from({ length: MOST_VALUES }, (_, row) => {
      const name = `weights_${row}`;
      /** @param {number} weight */
      const set = (weight) => {
        for (const [trait, number] of Object.entries(withMoved(model, row, weight))) model.set(trait, number);
      };
      return [name, { traits: [name], get: () => model.get(name), set }];
    }),
  );
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model, weightNumbers(model));
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildMixture(model, root, request));
  },
};
