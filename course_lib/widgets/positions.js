// Three encodings of position by the distance of query and key: what changes when the query moves along, what does not.
import { alibiBias, rotate } from "./arithmetic/positions.js";
import { project, scaledScores } from "./attention.js";
import { Chart, Curve, evenTicks, Mark, MARK_HELP, sample } from "./parts/chart.js";
import { button, panel, slider, toggle } from "./parts/controls.js";
import { html, setAttributes, setText, svg, written } from "./parts/elements.js";
import { linkSliders } from "./parts/links.js";
import { point, roundExtent } from "./parts/plane.js";
import { run } from "./parts/run.js";
import { helpText, scene, traitChanges } from "./parts/scene.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readPositions>} Placed */
/** @typedef {{position: number, dModel: number, base: number, head: number, nHeads: number, learned: boolean, nDistances: number}} Encoding */

const NAMES = ["sinusoidal", "rotary", "ALiBi"];
const FARTHEST = 1023;
const MOST_COMPONENTS = 128;
const MOST_DIALS = 8;
const STILL = 1e-6; // what rounding may move a curve by

/**
 * The sinusoids of some positions: the angles of a rotation whose base is 10,000, as sin and cos.
 * @param {readonly number[]} places
 * @param {number} dModel
 */
function sinusoidsAt(places, dModel) {
  const east = Array.from({ length: dModel }, (_, component) => 1 - (component % 2));
  const turned = rotate(
    places.map(() => east),
    places,
  );
  return turned.map((row) => row.map((_, component) => row[component % 2 === 0 ? component + 1 : component - 1]));
}

/**
 * The scores of the three encodings at every distance.
 * @param {Encoding} encoding
 * @param {{content: number[], matrix: number[][]}} fixed what query and key hold, and the matrix between sinusoids
 * @returns {number[][]} shape (3, n_distances)
 */
function curvesOf(encoding, { content, matrix }) {
  const { position, dModel, base, head, nHeads, learned, nDistances } = encoding;
  const keys = Array.from({ length: nDistances }, (_, distance) => position - distance);
  let [query] = sinusoidsAt([position], dModel);
  if (learned) [query] = project([query], matrix);
  const rotated = rotate([content], [position], { base });
  const rotatedKeys = rotate(
    keys.map(() => content),
    keys,
    { base },
  );
  const bias = alibiBias(nHeads, 1, position + 1, position)[head][0];
  return [
    scaledScores([query], sinusoidsAt(keys, dModel))[0],
    scaledScores(rotated, rotatedKeys)[0],
    keys.map((key) => bias[key]),
  ];
}

/**
 * What query and key hold, scaled to a length of sqrt(d_model).
 * @param {Float32Array} fixed
 * @param {number} dModel
 */
function contentOf(fixed, dModel) {
  const content = [...fixed.subarray(0, dModel)];
  const length = Math.hypot(...content);
  return content.map((number) => (number * Math.sqrt(dModel)) / length);
}

/**
 * @param {Float32Array} fixed
 * @param {number} dModel
 */
function matrixOf(fixed, dModel) {
  return Array.from({ length: dModel }, (_, row) => {
    const start = MOST_COMPONENTS * (row + 1);
    return [...fixed.subarray(start, start + dModel)];
  });
}

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 * @param {(encoding: Encoding) => number[][]} curvesNow
 * @param {(encoding: Encoding) => number[][]} curvesAtStart
 */
function readPositions(model, curvesNow, curvesAtStart) {
  const encoding = {
    position: /** @type {number} */ (model.get("position")),
    dModel: /** @type {number} */ (model.get("d_model")),
    base: /** @type {number} */ (model.get("base")),
    head: /** @type {number} */ (model.get("head")),
    nHeads: /** @type {number} */ (model.get("n_heads")),
    learned: /** @type {boolean} */ (model.get("learned")),
    nDistances: /** @type {number} */ (model.get("n_distances")),
  };
  const start = /** @type {number} */ (model.get("start").position ?? encoding.position);
  const curves = curvesNow(encoding);
  const before = curvesAtStart({ ...encoding, position: start });
  const change = curves.map((curve, index) =>
    Math.max(...curve.map((score, distance) => Math.abs(score - before[index][distance]))),
  );
  const distance = Math.min(/** @type {number} */ (model.get("distance")), encoding.nDistances - 1);
  return { ...encoding, distance, start, curves, before, change };
}

/** @param {Model} model */
function readFixed(model) {
  const bytes = /** @type {DataView | Uint8Array | ArrayBuffer} */ (model.get("fixed"));
  const buffer = bytes instanceof ArrayBuffer ? bytes : bytes.buffer;
  const start = bytes instanceof ArrayBuffer ? 0 : bytes.byteOffset;
  return new Float32Array(buffer.slice(start, start + bytes.byteLength));
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildPositions(model, root, request) {
  const fixed = readFixed(model);
  const fixedOf = remembered((/** @type {number} */ dModel) => ({
    content: contentOf(fixed, dModel),
    matrix: matrixOf(fixed, dModel),
  }));
  const compute = (/** @type {Encoding} */ encoding) => curvesOf(encoding, fixedOf(encoding.dModel));
  const [curvesNow, curvesAtStart] = [remembered(compute), remembered(compute)];
  const read = () => readPositions(model, curvesNow, curvesAtStart);
  const first = read();
  const { set, rest, stop } = traitChanges(model);
  const help = helpText(MARK_HELP);
  const controls = positionControls(model, first, set, rest);
  const parts = [scoresByDistance(model, set, rest, help.id, request), readings(), dials()];
  const around = scene(model, root, {
    shown: [controls.element, html("div", { class: "cw-positions" }, ...parts.map((part) => part.element))],
    helps: [help],
  });
  return {
    draw() {
      const state = read();
      controls.draw(state);
      for (const part of parts) part.draw(state);
      around.tell(describePositions(state));
    },
    stop() {
      stop();
      around.stop();
      for (const part of parts) part.stop();
    },
  };
}

/**
 * Keep the last answer: the mark moves no curve, and the curves at the first position change with other numbers only.
 * @template Given, Answer
 * @param {(given: Given) => Answer} compute
 * @returns {(given: Given) => Answer}
 */
function remembered(compute) {
  let known = "";
  /** @type {Answer} */
  let answer;
  return (given) => {
    const asked = JSON.stringify(given);
    if (asked !== known) answer = compute(given);
    known = asked;
    return answer;
  };
}

/** @param {Placed} state */
function describePositions(state) {
  const { position, distance, start, curves, change } = state;
  const scores = NAMES.map((name, index) => `${name} ${written(curves[index][distance])}`).join(", ");
  const at = `Query at ${position}, key at ${position - distance}, distance ${distance}: ${scores}.`;
  if (position === start) return `${at} Move the query along: which curves change?`;
  const moved = NAMES.filter((_, index) => change[index] > STILL);
  if (moved.length === 0)
    return `${at} Moved from ${start} to ${position}, no curve changed: only the distance counts.`;
  return `${at} Moved from ${start} to ${position}, ${moved.join(" and ")} changed by up to ${written(Math.max(...change))}: there the position itself counts.`;
}

/**
 * @param {Model} model
 * @param {Placed} first
 * @param {(values: Record<string, number | boolean>) => void} set
 * @param {() => void} rest
 */
function positionControls(model, first, set, rest) {
  const whole = (/** @type {number} */ number) => String(Math.round(number));
  /** @type {Record<string, {element: HTMLElement, show: (value: any) => void}>} */
  const controls = {
    position: slider(
      "Query’s position",
      { min: first.nDistances - 1, max: FARTHEST, step: 1 },
      (number) => set({ position: number }),
      rest,
      whole,
    ),
    d_model: slider(
      "d_model",
      { min: 2, max: MOST_COMPONENTS, step: 2 },
      (number) => set({ d_model: number }),
      rest,
      whole,
    ),
    head: slider(
      "ALiBi’s head",
      { min: 0, max: first.nHeads - 1, step: 1 },
      (number) => set({ head: number }),
      rest,
      whole,
    ),
    base: slider(
      "Rotary base",
      { min: 1, max: 6, step: 0.05 },
      (power) => set({ base: Number((10 ** power).toPrecision(2)) }),
      rest,
      (power) => Math.round(10 ** power).toLocaleString("en"),
    ),
    learned: toggle("A learned matrix between the sinusoids", (on) => set({ learned: on })),
  };
  controls.position.element.classList.add("cw-wide");
  const wanted = /** @type {string[]} */ (model.get("controls"));
  for (const [name, { element }] of Object.entries(controls)) element.hidden = !wanted.includes(name);
  const reset = button("Reset", () => set(model.get("start")));
  return {
    element: html("div", { class: "cw-controls" }, ...Object.values(controls).map(({ element }) => element), reset),
    /** @param {Placed} state */
    draw(state) {
      controls.position.show(state.position);
      controls.d_model.show(state.dModel);
      controls.head.show(state.head);
      controls.base.show(Math.log10(state.base));
      controls.learned.show(state.learned);
    },
  };
}

/**
 * The plot: score against distance.
 * @param {Model} model
 * @param {(values: Record<string, number | boolean>) => void} set
 * @param {() => void} rest
 * @param {string} help
 * @param {() => void} request
 */
function scoresByDistance(model, set, rest, help, request) {
  const look = {
    left: 34,
    right: 78,
    height: 300,
    x: "distance",
  };
  const chart = new Chart("Score by distance, three encodings", look, request);
  const curves = NAMES.map((_, index) => new Curve(index));
  const labels = NAMES.map((name, index) => svg("text", { class: `cw-endlabel cw-series-${index}` }, name));
  const ghost = svg("path", { class: "cw-ghost cw-series-0" });
  const to = (/** @type {number} */ distance) => set({ distance: Math.round(distance) });
  const first = model.get("distance");
  const mark = new Mark(chart, {
    label: "distance",
    help,
    get: () => model.get("distance"),
    set: to,
    step: (direction, coarse) => model.get("distance") + direction * (coarse ? 8 : 1),
    start: () => first,
    rest,
    text: (distance) => `distance ${distance}`,
  });
  chart.area.append(ghost, ...curves.map((curve) => curve.element));
  chart.above.prepend(svg("g", { "aria-hidden": "true" }, ...labels));
  const { element } = panel(
    "Score against distance",
    "how far the key is behind the query; drag the mark",
    chart.element,
  );
  return {
    element,
    /** @param {Placed} state */
    draw(state) {
      const reach = roundExtent(Math.max(...[...state.curves[0], ...state.curves[1]].map(Math.abs)), 1);
      const last = state.nDistances - 1;
      chart.frame(
        { low: 0, high: last, ticks: evenTicks(0, last, 8) },
        { low: -reach, high: reach, ticks: evenTicks(-reach, reach, 6) },
      );
      const place = (/** @type {number} */ score, /** @type {number} */ distance) =>
        /** @type {[number, number]} */ ([chart.acrossTo(distance), chart.downTo(score)]);
      state.curves.forEach((scores, index) => {
        const places = scores.map(place);
        const every = Math.max(1, Math.round(state.nDistances / 8));
        curves[index].draw(
          places,
          places.filter((_, distance) => distance % every === 0),
        );
      });
      const moved = state.change[0] > STILL;
      const trail = moved
        ? `M${state.before[0]
            .map(place)
            .map(([x, y]) => point(x, y))
            .join("L")}`
        : "";
      setAttributes(ghost, { d: trail });
      placeEndLabels(
        labels,
        state.curves.map((scores) => chart.downTo(scores[last])),
        chart,
      );
      mark.draw();
    },
    stop: () => chart.stop(),
  };
}

/**
 * Write names at the right ends of curves, apart from each other and inside the frame.
 * @param {readonly SVGTextElement[]} labels
 * @param {readonly number[]} ends
 * @param {Chart} chart
 */
function placeEndLabels(labels, ends, chart) {
  const order = labels.map((_, index) => index).sort((a, b) => ends[a] - ends[b]);
  let free = chart.top;
  for (const index of order) {
    const y = Math.min(Math.max(ends[index], free), chart.bottom - 4);
    free = y + 15;
    setAttributes(labels[index], { x: chart.right + 6, y: (y + 4).toFixed(1) });
  }
}

/** The scores at the marked distance, and how far each curve has moved with the query. */
function readings() {
  const rows = NAMES.map((name, index) => {
    const score = html("td", { class: "cw-number" });
    const moved = html("td", { class: "cw-number" });
    const row = html("tr", {}, html("th", { scope: "row" }, sample(index), ` ${name}`), score, moved);
    return { row, score, moved };
  });
  const at = html("th", { scope: "col", class: "cw-number" }, " ");
  const since = html("th", { scope: "col", class: "cw-number" }, " ");
  const table = html(
    "table",
    { class: "cw-readings" },
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "encoding"), at, since)),
    html("tbody", {}, ...rows.map(({ row }) => row)),
  );
  const { element } = panel("Read off", "does it move with the query?", table);
  return {
    element,
    /** @param {Placed} state */
    draw(state) {
      setText(at, `score at ${state.distance}`);
      setText(since, `moved since ${state.start}`);
      rows.forEach(({ score, moved, row }, index) => {
        setText(score, written(state.curves[index][state.distance]));
        const change = state.change[index];
        setText(moved, change > STILL ? written(change) : "0.00");
        row.classList.toggle("cw-changed", change > STILL);
      });
    },
    stop() {},
  };
}

/** The pairs of rotary positions as the hands of clocks: the query's and the key's, and the angle between. */
function dials() {
  const faces = Array.from({ length: MOST_DIALS }, () => {
    const query = svg("path", { class: "cw-hand" });
    const key = svg("path", { class: "cw-hand cw-keyhand" });
    const name = html("span", {});
    const angle = html("span", {});
    const face = svg(
      "svg",
      { class: "cw-dial", viewBox: "-30 -30 60 60", "aria-hidden": "true" },
      svg("circle", { class: "cw-face", r: 28 }),
      key,
      query,
    );
    return {
      query,
      key,
      name,
      angle,
      element: html("div", { class: "cw-clock" }, face, name, angle),
    };
  });
  const { element, subtitle } = panel(
    "Rotary: pairs turn like hands of clocks",
    " ",
    html("div", { class: "cw-clocks" }, ...faces.map((face) => face.element)),
    html("div", { class: "cw-axisnote" }, "degrees: the angle between the two hands"),
  );
  return {
    element,
    /** @param {Placed} state */
    draw(state) {
      const nPairs = state.dModel / 2;
      const shown = Math.min(nPairs, MOST_DIALS);
      const east = Array.from({ length: state.dModel }, (_, component) => 1 - (component % 2));
      const key = state.position - state.distance;
      const turned = rotate([east, east, east], [state.position, key, state.distance], { base: state.base });
      setText(subtitle, `solid: query at ${state.position}; dashed: key at ${key}`);
      faces.forEach((face, index) => {
        face.element.hidden = index >= shown;
        if (index >= shown) return;
        const pair = shown === 1 ? 0 : Math.round((index * (nPairs - 1)) / (shown - 1));
        const [q, k, between] = turned.map((row) => [row[2 * pair], row[2 * pair + 1]]);
        setAttributes(face.query, {
          d: `M0 0L${point(23 * q[0], -23 * q[1])}`,
        });
        setAttributes(face.key, { d: `M0 0L${point(26 * k[0], -26 * k[1])}` });
        setText(face.name, `pair ${pair}`);
        const degrees = Math.round((Math.atan2(between[1], between[0]) * 180) / Math.PI);
        setText(face.angle, `${(degrees + 360) % 360}°`);
      });
    },
    stop() {},
  };
}

export default {
  /** @param {{model: Model}} context */
  initialize({ model }) {
    linkSliders(model);
  },
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildPositions(model, root, request));
  },
};
