// The projection: a token vector x, three matrices, and the query, key and value that follow it.
import { project } from "./attention.js";
import { Arrow, Label, placeLabels } from "./parts/arrows.js";
import { button, choice, panel } from "./parts/controls.js";
import { html, quoted, setAttributes, setText, shortened, svg, written } from "./parts/elements.js";
import { KEY_HELP, traitHandle } from "./parts/handles.js";
import { linkSliders } from "./parts/links.js";
import { Plane, point, roundExtent } from "./parts/plane.js";
import { readArray, run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {import("./parts/scene.js").Changes} Changes */
/** @typedef {ReturnType<typeof readProjection>} Projected */
/** @typedef {"query" | "key" | "value"} Role */

const ROLES = /** @type {const} */ (["query", "key", "value"]);
const ENTRIES = ["0", "1"];

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readProjection(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const x = readArray(model, "x", tokens.length);
  const weight = {
    query: readArray(model, "w_query", 2, ENTRIES),
    key: readArray(model, "w_key", 2, ENTRIES),
    value: readArray(model, "w_value", 2, ENTRIES),
  };
  const made = { query: project(x, weight.query), key: project(x, weight.key), value: project(x, weight.value) };
  const selected = Math.min(/** @type {number} */ (model.get("selected")), tokens.length - 1);
  const edge = /** @type {number} */ (model.get("extent")); // where the handles of x end
  const largest = Math.max(...ROLES.flatMap((role) => made[role].flat().map(Math.abs)));
  return { tokens, x, weight, made, selected, edge, extent: roundExtent(largest, edge) };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildProjection(model, root, request) {
  const first = readProjection(model);
  const changes = traitChanges(model);
  const help = helpText(KEY_HELP);
  const token = choice("Token", first.tokens, (index) => changes.set({ selected: index }));
  const reset = button("Reset", () => changes.set(model.get("start")));
  const parts = [
    tokensPanel(model, first, changes, help.id, request),
    ...ROLES.map((role, place) =>
      rolePanel(
        model,
        first,
        role,
        `${place + 2} ${role[0].toUpperCase()}${role.slice(1)} ${role[0]}`,
        changes,
        request,
      ),
    ),
  ];
  const around = scene(model, root, {
    shown: [
      html("div", { class: "cw-controls" }, token.element, reset),
      html("div", { class: "cw-panels cw-panels-4 cw-even" }, ...parts.map((part) => part.element)),
    ],
    helps: [help],
  });
  return {
    draw() {
      const state = readProjection(model);
      token.show(state.selected);
      for (const part of parts) part.draw(state);
      around.tell(describeToken(state));
    },
    stop() {
      changes.stop();
      around.stop();
      for (const part of parts) part.stop();
    },
  };
}

/** @param {readonly number[]} vector */
function pair(vector) {
  return `(${written(vector[0])}, ${written(vector[1])})`;
}

/** @param {Projected} state */
function describeToken(state) {
  const { selected, made } = state;
  const parts = ROLES.map((role) => `${role} ${pair(made[role][selected])}`);
  return `Token ${quoted(state.tokens[selected])} at ${pair(state.x[selected])} has ${parts[0]}, ${parts[1]} and ${parts[2]}.`;
}

/**
 * Arrows and labels for one vector of each token; the selected token's stands out.
 * @param {Plane} plane
 * @param {"x" | Role} kind
 * @param {readonly string[]} tokens
 */
function tokenArrows(plane, kind, tokens) {
  const arrows = tokens.map(() => new Arrow(kind));
  const labels = tokens.map(() => new Label(`cw-${kind}`));
  plane.arrows.append(...arrows.map((arrow) => arrow.element));
  plane.labels.append(...labels.map((label) => label.element));
  /**
   * @param {readonly (readonly number[])[]} vectors
   * @param {number} selected
   */
  return (vectors, selected) => {
    const tips = vectors.map((vector) => plane.place(vector));
    tips.forEach((tip, row) => {
      arrows[row].move(plane.place([0, 0]), tip);
      labels[row].set(shortened(tokens[row]), tip);
      for (const part of [arrows[row], labels[row]]) part.element.classList.toggle("cw-quiet", row !== selected);
    });
    placeLabels([labels[selected], ...labels.filter((_, row) => row !== selected)], plane, tips);
  };
}

/**
 * @param {Model} model
 * @param {Projected} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function tokensPanel(model, first, changes, help, request) {
  const plane = new Plane("Token vectors x; drag a tip", request);
  const square = svg("path", { class: "cw-square cw-x" });
  plane.below.append(square);
  const drawArrows = tokenArrows(plane, "x", first.tokens);
  const handles = first.tokens.map((token, row) => {
    return traitHandle(plane, model, changes, [`x_${row}_x`, `x_${row}_y`], {
      label: `x ${token}`,
      kind: "x",
      help,
      chosen: () => changes.set({ selected: row }),
    });
  });
  plane.handles.append(...handles.map((handle) => handle.element));
  const { element, subtitle } = panel(
    "1 Token vectors x",
    " ",
    html("div", { class: "cw-beside" }, "Drag a tip; query, key and value follow."),
    plane.element,
  );
  return {
    element,
    /** @param {Projected} state */
    draw(state) {
      plane.frame(state.extent);
      plane.edge = state.edge;
      drawSquare(square, plane, [
        [1, 0],
        [0, 1],
      ]);
      setText(subtitle, `x ${shortened(state.tokens[state.selected])} = ${pair(state.x[state.selected])}`);
      drawArrows(state.x, state.selected);
      for (const handle of handles) handle.draw();
    },
    stop: () => plane.stop(),
  };
}

/**
 * One matrix with its numbers, and what it makes of every token; behind the arrows, what becomes of the unit square.
 * @param {Model} model
 * @param {Projected} first
 * @param {Role} role
 * @param {string} title
 * @param {Changes} changes
 * @param {() => void} request
 */
function rolePanel(model, first, role, title, changes, request) {
  const plane = new Plane(`The ${role} of every token`, request);
  const square = svg("path", { class: `cw-square cw-${role}` });
  plane.below.append(square);
  const drawArrows = tokenArrows(plane, role, first.tokens);
  const matrix = matrixInputs(role, changes);
  const { element, subtitle } = panel(title, " ", matrix.element, plane.element);
  return {
    element,
    /** @param {Projected} state */
    draw(state) {
      plane.frame(state.extent);
      setText(subtitle, `${role[0]} = x W = ${pair(state.made[role][state.selected])}`);
      matrix.draw(state.weight[role]);
      drawSquare(square, plane, state.weight[role]);
      drawArrows(state.made[role], state.selected);
    },
    stop: () => plane.stop(),
  };
}

/**
 * What a matrix makes of the unit square: its rows are where (1, 0) and (0, 1) go.
 * @param {SVGPathElement} square
 * @param {Plane} plane
 * @param {readonly (readonly number[])[]} rows
 */
function drawSquare(square, plane, [right, up]) {
  const corners = [[0, 0], right, [right[0] + up[0], right[1] + up[1]], up].map((corner) =>
    point(...plane.place(corner)),
  );
  setAttributes(square, { d: `M${corners.join("L")}Z` });
}

/**
 * A 2 x 2 matrix of number fields.
 * @param {Role} role
 * @param {Changes} changes
 */
function matrixInputs(role, changes) {
  const fields = [0, 1].map((row) =>
    [0, 1].map((column) => {
      const field = html("input", {
        type: "number",
        step: 0.1,
        min: -100,
        max: 100,
        "aria-label": `w_${role}, row ${row}, column ${column}`,
        "data-lm-suppress-shortcuts": "true",
        input: () => {
          const number = field.valueAsNumber;
          if (Number.isFinite(number) && Math.abs(number) <= 100)
            changes.set({ [`w_${role}_${row}_${column}`]: number });
        },
        change: changes.rest,
      });
      return field;
    }),
  );
  const table = html("div", { class: "cw-entries" }, ...fields.flat());
  return {
    element: html("div", { class: "cw-beside" }, html("span", {}, "W ="), table),
    /** @param {readonly (readonly number[])[]} weight */
    draw(weight) {
      fields.forEach((row, i) =>
        row.forEach((field, j) => {
          const rounded = Math.round(weight[i][j] * 1000) / 1000;
          const typing = document.activeElement === field && Math.abs((field.valueAsNumber || 0) - rounded) < 1e-9;
          if (!typing && field.value !== String(rounded)) field.value = String(rounded);
        }),
      );
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
    return run(model, el, (root, request) => buildProjection(model, root, request));
  },
};
