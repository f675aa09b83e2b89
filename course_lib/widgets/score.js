// The score: one query and a few keys; what makes q · k is taken apart into two lengths and an angle.
import { dotProductScores } from "./attention.js";
import { Arrow, Label, placeLabels } from "./parts/arrows.js";
import { button, choice, panel } from "./parts/controls.js";
import { html, quoted, setAttributes, setText, shortened, svg, written } from "./parts/elements.js";
import { KEY_HELP, traitHandle } from "./parts/handles.js";
import { linkSliders } from "./parts/links.js";
import { Plane, point, roundExtent } from "./parts/plane.js";
import { readArray, run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";
import { Bars } from "./parts/tables.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {import("./parts/links.js").Derived} Derived */
/** @typedef {ReturnType<typeof readScore>} Scored */
/** @typedef {"free" | "turn" | "stretch"} Drag */
/** @typedef {import("./parts/scene.js").Changes} Changes */

const DRAGS = /** @type {const} */ (["free", "turn", "stretch"]);
const LEAST_LENGTH = 0.1; // a stretched vector keeps a direction
const DEGREE = Math.PI / 180;
/** @type {Record<"turn" | "stretch", Record<string, number>>} */
const SIGNS = {
  turn: { ArrowLeft: 1, ArrowUp: 1, ArrowRight: -1, ArrowDown: -1 },
  stretch: { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 },
};
const DRAG_HELP = {
  free: KEY_HELP,
  turn: "Left and up turn to the left by 5 degrees, right and down to the right, with Shift by 15. Escape goes back to the start.",
  stretch:
    "Up and right make it longer by 0.1, down and left shorter, with Shift by 0.5. Escape goes back to the start.",
};

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readScore(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const query = [model.get("query_x"), model.get("query_y")];
  const key = readArray(model, "key", tokens.length);
  const scores = dotProductScores([query], key)[0];
  const queryLength = Math.hypot(query[0], query[1]);
  const lengths = key.map(([x, y]) => Math.hypot(x, y));
  const angles = key.map(([x, y], row) => {
    const crossed = Math.abs(query[0] * y - query[1] * x);
    return queryLength > 0 && lengths[row] > 0 ? Math.atan2(crossed, scores[row]) / DEGREE : NaN;
  });
  const cosines = angles.map((angle) => Math.cos(angle * DEGREE));
  const selected = Math.min(/** @type {number} */ (model.get("selected")), tokens.length - 1);
  const drag = /** @type {Drag} */ (model.get("drag"));
  const edge = /** @type {number} */ (model.get("extent")); // how long a hand may make a vector
  const extent = roundExtent(Math.max(queryLength, ...lengths), edge);
  return { tokens, query, key, scores, queryLength, lengths, angles, cosines, selected, drag, edge, extent };
}

/**
 * The traits of a vector: of the query where there is no row, else of that key.
 * @param {number | null} row
 */
function vectorTraits(row) {
  return row === null ? ["query_x", "query_y"] : [`key_${row}_x`, `key_${row}_y`];
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildScore(model, root, request) {
  const first = readScore(model);
  const changes = traitChanges(model);
  const help = helpText(KEY_HELP);
  const key = choice("Key", first.tokens, (row) => changes.set({ selected: row }));
  const drag = choice("Drag", ["freely", "to turn", "to stretch"], (index) => changes.set({ drag: DRAGS[index] }));
  const reset = button("Reset", () => changes.set(model.get("start")));
  const wanted = /** @type {string[]} */ (model.get("controls"));
  key.element.hidden = !wanted.includes("key") || first.tokens.length === 1;
  drag.element.hidden = !wanted.includes("drag");
  const parts = [scorePlane(model, first, changes, help.id, request), productPanel()];
  if (first.tokens.length > 1) parts.push(allKeysPanel(first));
  const [left, ...right] = parts.map((part) => part.element);
  root.classList.add("cw-score");
  const around = scene(model, root, {
    shown: [
      html("div", { class: "cw-controls" }, key.element, drag.element, reset),
      html("div", { class: "cw-panels cw-score-panels" }, left, html("div", {}, ...right)),
    ],
    helps: [help],
  });
  return {
    draw() {
      const state = readScore(model);
      key.show(state.selected);
      drag.show(DRAGS.indexOf(state.drag));
      setText(help, DRAG_HELP[state.drag]);
      for (const part of parts) part.draw(state);
      around.tell(describeScore(state));
    },
    stop() {
      changes.stop();
      around.stop();
      for (const part of parts) part.stop();
    },
  };
}

/**
 * Degrees as in a sentence; a vector of length 0 has no angle.
 * @param {number} angle
 */
function degrees(angle) {
  return Number.isNaN(angle) ? "?" : `${written(angle, 0)}°`;
}

/**
 * The selected key's score in words, and which key wins, with a remark where a key wins by its length.
 * @param {Scored} state
 */
function describeScore(state) {
  const { tokens, scores, selected } = state;
  const own = `Key ${quoted(tokens[selected])}: ${written(state.queryLength)} × ${written(state.lengths[selected])} × cos ${degrees(state.angles[selected])} = ${written(scores[selected])}.`;
  if (tokens.length === 1) return own;
  const best = scores.indexOf(Math.max(...scores));
  const winner = `Key ${quoted(tokens[best])} has the highest score`;
  const known = state.cosines.map((cosine) => (Number.isNaN(cosine) ? -Infinity : cosine));
  const nearest = known.indexOf(Math.max(...known));
  if (known[nearest] - known[best] < 1e-9) return `${own} ${winner}.`;
  return `${own} ${winner}, though key ${quoted(tokens[nearest])} points more nearly the way of the query: length counts too.`;
}

/**
 * Where a hand may lead a vector: anywhere within reach; around the origin at its length; along its direction.
 * @param {Drag} drag
 * @param {readonly number[]} vector
 * @param {number} reach
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
function guided(drag, vector, reach, x, y) {
  const length = Math.hypot(vector[0], vector[1]);
  const wanted = Math.hypot(x, y);
  if (drag === "free" || length === 0 || wanted === 0) {
    return wanted <= reach ? [x, y] : [(x * reach) / wanted, (y * reach) / wanted];
  }
  if (drag === "turn") return [(x * length) / wanted, (y * length) / wanted];
  const [ux, uy] = [vector[0] / length, vector[1] / length];
  const along = Math.min(Math.max(x * ux + y * uy, LEAST_LENGTH), Math.max(reach, length));
  return [ux * along, uy * along];
}

/**
 * Where a key of the keyboard leads a vector that may only turn or stretch; null where all goes as usual.
 * @param {Drag} drag
 * @param {readonly number[]} vector
 * @param {number} reach
 * @param {string} pressed
 * @param {boolean} coarse
 * @returns {readonly number[] | null}
 */
function stepped(drag, vector, reach, pressed, coarse) {
  const sign = drag === "free" ? undefined : SIGNS[drag][pressed];
  if (sign === undefined) return null;
  const length = Math.hypot(vector[0], vector[1]);
  const direction = Math.atan2(vector[1], vector[0]);
  if (drag === "turn") return polar(length, direction + sign * (coarse ? 15 : 5) * DEGREE);
  return polar(
    Math.min(Math.max(length + sign * (coarse ? 0.5 : 0.1), LEAST_LENGTH), Math.max(reach, length)),
    direction,
  );
}

/**
 * @param {number} length
 * @param {number} direction
 * @returns {[number, number]}
 */
function polar(length, direction) {
  return [length * Math.cos(direction), length * Math.sin(direction)];
}

/**
 * @param {Model} model
 * @param {Scored} first
 * @param {Changes} changes
 * @param {string} help
 * @param {() => void} request
 */
function scorePlane(model, first, changes, help, request) {
  const plane = new Plane("A query and its keys; drag a tip", request);
  const rows = first.tokens.map((_, row) => row);
  const arrows = { query: new Arrow("query"), key: rows.map(() => new Arrow("key")) };
  const labels = { query: new Label("cw-query"), key: rows.map(() => new Label("cw-key")) };
  /** @type {number | null} */
  let held = null; // the vector that moved last; null is the query
  const handles = [null, ...rows].map((row) => {
    const names = vectorTraits(row);
    const get = () => names.map((name) => model.get(name));
    const reach = () => Math.max(model.get("extent"), 0);
    return traitHandle(plane, model, changes, names, {
      label: row === null ? "query" : `key ${first.tokens[row]}`,
      kind: row === null ? "query" : "key",
      help,
      guide: (x, y) => guided(model.get("drag"), get(), reach(), x, y),
      step: (pressed, coarse) => stepped(model.get("drag"), get(), reach(), pressed, coarse),
      chosen: () => {
        held = row;
        if (row !== null) changes.set({ selected: row });
      },
    });
  });
  const drawing = angleDrawing();
  plane.below.append(...drawing.below);
  plane.arrows.append(...arrows.key.map((arrow) => arrow.element), arrows.query.element);
  plane.labels.append(...labels.key.map((label) => label.element), labels.query.element, drawing.label);
  plane.handles.append(...handles.slice(1).map((handle) => handle.element), handles[0].element);
  const { element } = panel("1 Vectors", "drag the query q or a key k", plane.element);
  return {
    element,
    /** @param {Scored} state */
    draw(state) {
      plane.frame(state.extent);
      const origin = plane.place([0, 0]);
      const tips = [state.query, ...state.key].map((vector) => plane.place(vector));
      const angleBox = drawing.draw(plane, state, held === null ? state.query : state.key[held]);
      arrows.query.move(origin, tips[0]);
      labels.query.set("q", tips[0]);
      for (const row of rows) {
        arrows.key[row].move(origin, tips[row + 1]);
        labels.key[row].set(`k ${shortened(state.tokens[row])}`, tips[row + 1]);
        for (const part of [arrows.key[row], labels.key[row]]) {
          part.element.classList.toggle("cw-quiet", row !== state.selected);
        }
      }
      for (const handle of handles) handle.draw();
      const others = labels.key.filter((_, row) => row !== state.selected);
      placeLabels([labels.query, labels.key[state.selected], ...others], plane, tips, [angleBox]);
    },
    stop: () => plane.stop(),
  };
}

/** What shows the angle: the line through the selected key, the query's shadow on it, the arc, and the guide of the hand. */
function angleDrawing() {
  const line = svg("path", { class: "cw-through cw-key" });
  const guide = svg("path", { class: "cw-guide" });
  const shadow = svg("path", { class: "cw-shadow cw-query" });
  const drop = svg("path", { class: "cw-drop cw-query" });
  const arc = svg("path", { class: "cw-arc" });
  const label = svg("text", { class: "cw-label cw-angle", "text-anchor": "middle" });
  return {
    below: [line, guide, shadow, drop, arc],
    label,
    /**
     * @param {Plane} plane
     * @param {Scored} state
     * @param {readonly number[]} held
     * @returns the room that the angle's number takes, in pixels
     */
    draw(plane, state, held) {
      setAttributes(guide, { d: guidePath(plane, state, held) });
      const key = state.key[state.selected];
      const angle = state.angles[state.selected];
      const length = state.lengths[state.selected];
      const origin = plane.place([0, 0]);
      const known = !Number.isNaN(angle);
      const [ux, uy] = known ? [key[0] / length, key[1] / length] : [0, 0];
      const cast = known ? state.scores[state.selected] / length : 0; // |q| cos(angle)
      const far = 2 * state.extent;
      const foot = plane.place([ux * cast, uy * cast]);
      const ends = [plane.place([-ux * far, -uy * far]), plane.place([ux * far, uy * far])];
      setAttributes(line, { d: `M${point(...ends[0])}L${point(...ends[1])}` });
      setAttributes(shadow, { d: `M${point(...origin)}L${point(...foot)}` });
      setAttributes(drop, { d: dropPath(plane.place(state.query), foot, origin, known) });
      const [from, to] = [Math.atan2(key[1], key[0]), Math.atan2(state.query[1], state.query[0])];
      const turn = Math.atan2(Math.sin(to - from), Math.cos(to - from));
      setAttributes(arc, { d: known ? arcPath(origin, from, turn) : "" });
      setText(label, known ? degrees(angle) : "");
      const middle = from + turn / 2;
      const [x, y] = [origin[0] + 42 * Math.cos(middle), origin[1] - 42 * Math.sin(middle) + 4];
      setAttributes(label, { x: x.toFixed(1), y: y.toFixed(1) });
      return known ? { x: x - 16, y: y - 11, width: 32, height: 14 } : { x: 0, y: 0, width: 0, height: 0 };
    },
  };
}

/**
 * From the query's tip down to its foot on the key's line, with the sign of a right angle where there is room for it.
 * @param {readonly [number, number]} tip
 * @param {readonly [number, number]} foot
 * @param {readonly [number, number]} origin
 * @param {boolean} known
 */
function dropPath(tip, foot, origin, known) {
  if (!known) return "";
  const path = `M${point(...tip)}L${point(...foot)}`;
  const [up, back] = [tip, origin].map((end) => [end[0] - foot[0], end[1] - foot[1]]);
  const [height, width] = [up, back].map((way) => Math.hypot(way[0], way[1]));
  if (height < 14 || width < 14) return path;
  const [a, b] = [up.map((part) => (8 * part) / height), back.map((part) => (8 * part) / width)];
  const corners = [a, [a[0] + b[0], a[1] + b[1]], b].map(([x, y]) => point(foot[0] + x, foot[1] + y));
  return `${path}M${corners.join("L")}`;
}

/**
 * @param {readonly [number, number]} origin
 * @param {number} from
 * @param {number} turn
 */
function arcPath(origin, from, turn) {
  const radius = 26;
  const [start, end] = [from, from + turn].map((direction) =>
    point(origin[0] + radius * Math.cos(direction), origin[1] - radius * Math.sin(direction)),
  );
  return `M${start}A${radius} ${radius} 0 0 ${turn > 0 ? 0 : 1} ${end}`;
}

/**
 * The way that the hand's vector can go: a circle where it may only turn, a ray where it may only stretch.
 * @param {Plane} plane
 * @param {Scored} state
 * @param {readonly number[]} vector
 */
function guidePath(plane, state, vector) {
  const length = Math.hypot(vector[0], vector[1]);
  if (state.drag === "free" || length === 0) return "";
  const [x, y] = plane.place([0, 0]);
  if (state.drag === "stretch") {
    const reach = state.extent / length;
    return `M${point(x, y)}L${point(...plane.place([vector[0] * reach, vector[1] * reach]))}`;
  }
  const radius = length * plane.unit;
  return `M${point(x - radius, y)}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0`;
}

/** One score taken apart: by lengths and angle, by the shadow, and by components. */
function productPanel() {
  const names = ["|q|", "|k|", "cos", "q · k"].map((name) => html("span", { class: "cw-factor-name" }, name));
  const numbers = ["cw-query", "cw-key", "", ""].map((kind) => html("span", { class: `cw-factor ${kind}` }));
  const signs = ["×", "×", "="].map((sign) => html("span", { class: "cw-sign" }, sign));
  const [shadowRow, componentRow, angleRow] = [0, 1, 2].map(() => html("dd"));
  const product = html(
    "div",
    { class: "cw-product" },
    ...names,
    ...numbers.flatMap((number, place) => (place < 3 ? [number, signs[place]] : [number])),
  );
  const rows = html(
    "dl",
    { class: "cw-ways" },
    html("dt", {}, "angle"),
    angleRow,
    html("dt", {}, "shadow of q on k, times |k|"),
    shadowRow,
    html("dt", {}, "component by component"),
    componentRow,
  );
  const { element, subtitle } = panel("2 What makes the score", " ", product, rows);
  return {
    element,
    /** @param {Scored} state */
    draw(state) {
      const { selected, query } = state;
      const [key, length, angle] = [state.key[selected], state.lengths[selected], state.angles[selected]];
      setText(subtitle, `q · k ${shortened(state.tokens[selected])}`);
      [state.queryLength, length, state.cosines[selected], state.scores[selected]].forEach((number, place) =>
        setText(numbers[place], written(number)),
      );
      const score = written(state.scores[selected]);
      const cast = length > 0 ? state.scores[selected] / length : NaN;
      setText(angleRow, `${degrees(angle)}: ${angleInWords(angle)}`);
      setText(shadowRow, `${written(cast)} × ${written(length)} = ${score}`);
      const [x, y] = [0, 1].map((place) => `${written(query[place])} × ${bracketed(key[place])}`);
      setText(componentRow, `${x} + ${y} = ${score}`);
    },
    stop() {},
  };
}

/**
 * A factor as written behind a sign: negative ones in brackets.
 * @param {number} number
 */
function bracketed(number) {
  const text = written(number);
  return text.startsWith("−") ? `(${text})` : text;
}

/** @param {number} angle */
function angleInWords(angle) {
  if (Number.isNaN(angle)) return "a vector without length has no direction";
  if (angle < 0.5) return "the same way";
  if (angle > 179.5) return "opposite ways";
  if (Math.abs(angle - 90) < 0.05) return "a right angle, score 0";
  return angle < 90 ? "below 90°, score above 0" : "above 90°, score below 0";
}

/** @param {Scored} first */
function allKeysPanel(first) {
  const bars = new Bars(first.tokens, ["key", "", "length", "angle", "score"], "cw-scores cw-keys");
  const axis = html("div", { class: "cw-axisnote" });
  const { element } = panel("3 All keys", "which one scores highest?", bars.element, axis);
  return {
    element,
    /** @param {Scored} state */
    draw(state) {
      const reach = roundExtent(Math.max(...state.scores.map(Math.abs)), 1);
      const best = state.scores.indexOf(Math.max(...state.scores));
      state.scores.forEach((score, row) => {
        const numbers = [written(state.lengths[row]), degrees(state.angles[row]), written(score)];
        bars.draw(row, score / reach / 2, 0, 0.5, numbers, false);
        bars.rows[row].row.classList.toggle("cw-best", row === best);
      });
      setText(axis, `axis from −${reach} to ${reach}; bold: the highest score`);
    },
    stop() {},
  };
}

/**
 * Lengths and directions, for sliders. A vector pulled to length 0 remembers where it pointed.
 * @param {Model} model
 * @returns {Record<string, Derived>}
 */
function polarNumbers(model) {
  /** @type {Record<string, Derived>} */
  const derived = {};
  for (const row of [null, 0, 1, 2, 3]) {
    const traits = vectorTraits(row);
    let direction = 0;
    /** @type {{length: number, direction: number} | null} */
    let coming = null; // while one component is set and the other is not yet
    const read = () => {
      if (coming !== null) return coming;
      const [x, y] = traits.map((trait) => model.get(trait));
      const length = Math.hypot(x, y);
      if (length > 0) direction = Math.atan2(y, x);
      return { length, direction };
    };
    const write = (/** @type {number} */ length, /** @type {number} */ towards) => {
      direction = towards;
      coming = { length, direction };
      const to = polar(length, towards);
      traits.forEach((trait, place) => model.set(trait, to[place]));
      coming = null;
    };
    const [kind, ending] = row === null ? ["query", ""] : ["key", `_${row}`];
    derived[`${kind}_length${ending}`] = {
      traits,
      get: () => read().length,
      set: (length) => write(length, read().direction),
    };
    derived[`${kind}_direction${ending}`] = {
      traits,
      get: () => read().direction / DEGREE,
      set: (towards) => write(read().length, towards * DEGREE),
    };
  }
  return derived;
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model, polarNumbers(model));
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildScore(model, root, request));
  },
};
