// A training run, scrubbed back and forth: its losses, and what each head attends to at the step in hand.
import { Chart, Curve, evenTicks, Mark, sample } from "./parts/chart.js";
import { button, panel, slider, toggle } from "./parts/controls.js";
import { html, percent, quoted, setText, shortened, spoken, written } from "./parts/elements.js";
import { drawLargeMap, drawSmallMap, hasRoomForNumbers } from "./parts/heatmap.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { helpText, scene } from "./parts/scene.js";
import { kernelSync } from "./parts/timing.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {import("./parts/chart.js").Axis} Axis */
/** @typedef {ReturnType<typeof readRun>} Run */

const PLAY_SECONDS = 8; // for the whole run
const CALM_HOPS = 10; // with reduced motion: so many hops, one a second, and nothing in between
const MOST_NAMES_BESIDE = 10; // tokens
const CELL_HELP = "Arrow keys go from cell to cell, Home and End to the first and last key of the query.";

/**
 * The bytes of a trait, at the start of a buffer of their own.
 * @param {Model} model
 * @param {string} name
 * @returns {ArrayBuffer}
 */
function bytesOf(model, name) {
  const view = /** @type {DataView} */ (model.get(name));
  return /** @type {ArrayBuffer} */ (view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

/**
 * Cut an array into rows of equal length.
 * @template {Float32Array | Uint8Array} Numbers
 * @param {Numbers} numbers
 * @param {number} nRows
 * @returns {Numbers[]}
 */
function inRows(numbers, nRows) {
  const length = numbers.length / nRows;
  return Array.from(
    { length: nRows },
    (_, row) => /** @type {Numbers} */ (numbers.subarray(row * length, (row + 1) * length)),
  );
}

/**
 * All that was recorded; it never changes.
 * @param {Model} model
 */
function readRun(model) {
  const names = /** @type {string[]} */ (model.get("curves"));
  const measured = /** @type {string[]} */ (model.get("measured"));
  const metricNames = /** @type {string[]} */ (model.get("metric_names"));
  const keys = /** @type {string[]} */ (model.get("tokens"));
  const queries = /** @type {string[]} */ (model.get("query_tokens"));
  const nHeads = /** @type {number} */ (model.get("n_heads"));
  return {
    names,
    measured,
    metricNames,
    keys,
    queries,
    nHeads,
    steps: new Int32Array(bytesOf(model, "steps_data")),
    losses: inRows(new Float32Array(bytesOf(model, "losses_data")), names.length),
    accuracy: inRows(new Float32Array(bytesOf(model, "accuracy_data")), measured.length),
    weightSteps: new Int32Array(bytesOf(model, "weight_steps_data")),
    weights: new Uint8Array(bytesOf(model, "weights_data")),
    metrics: inRows(new Float32Array(bytesOf(model, "metrics_data")), metricNames.length),
  };
}

/**
 * Where a step is among rising steps: the place of the nearest.
 * @param {Int32Array} steps
 * @param {number} step
 */
function nearestPlace(steps, step) {
  const after = lastPlace(steps, step) + 1;
  if (after >= steps.length) return steps.length - 1;
  if (after === 0) return 0;
  return step - steps[after - 1] <= steps[after] - step ? after - 1 : after;
}

/**
 * The place of the last step that is not after `step`; -1 before the first.
 * @param {Int32Array} steps
 * @param {number} step
 */
function lastPlace(steps, step) {
  let [low, high] = [0, steps.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle] <= step) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The place of the last number up to `place` that was measured; -1 where none was.
 * @param {Float32Array} curve
 * @param {number} place
 */
function lastKnown(curve, place) {
  for (let at = place; at >= 0; at -= 1) if (!Number.isNaN(curve[at])) return at;
  return -1;
}

/**
 * @param {number} loss
 * @param {(number: number) => string} write
 */
function lossText(loss, write = written) {
  return loss >= 0.005 || loss <= 0 ? write(loss) : loss.toExponential(1).replace("-", "−");
}

/**
 * What the picture shows at the step in hand.
 * @param {Model} model
 * @param {Run} recorded
 */
function readPresent(model, recorded) {
  const place = nearestPlace(recorded.steps, /** @type {number} */ (model.get("step")));
  const step = recorded.steps[place];
  const snapshot = Math.max(lastPlace(recorded.weightSteps, step), 0);
  return { place, step, snapshot, log: /** @type {boolean} */ (model.get("log_scale")) };
}

/** @typedef {ReturnType<typeof readPresent>} Present */

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildTraining(model, root, request) {
  const recorded = readRun(model);
  const sync = kernelSync(model);
  const last = recorded.steps.length - 1;
  const goTo = (/** @type {number} */ place) => {
    model.set("step", recorded.steps[Math.min(Math.max(place, 0), last)]);
    sync.touch();
  };
  const player = playing(model, recorded, goTo, request, () => sync.rest());
  const byHand = (/** @type {number} */ place) => {
    player.stop();
    goTo(place);
  };
  const controls = trainingControls(model, recorded, player, byHand, sync);
  const losses = lossesPanel(model, recorded, byHand, sync, request);
  const heads = recorded.nHeads > 0 ? headsPanel(recorded, root) : null;
  root.classList.add("cw-training");
  const around = scene(model, root, {
    shown: [
      controls.element,
      html("div", { class: "cw-runbody" }, losses.element, ...(heads === null ? [] : [heads.element])),
    ],
  });
  heads?.listen((words) => around.say(words));
  return {
    draw() {
      const present = readPresent(model, recorded);
      controls.draw(present);
      losses.draw(present);
      heads?.draw(present);
      around.tell(describeRun(recorded, present, written), { spoken: () => describeRun(recorded, present, spoken) });
    },
    stop() {
      player.stop();
      sync.stop();
      around.stop();
      losses.stop();
      heads?.stop();
    },
  };
}

/**
 * @param {Run} recorded
 * @param {Present} present
 * @param {(number: number) => string} write
 */
function describeRun(recorded, present, write) {
  const parts = recorded.names.map((name, row) => {
    const at = lastKnown(recorded.losses[row], present.place);
    return `the ${name} loss is ${at < 0 ? "not measured yet" : lossText(recorded.losses[row][at], write)}`;
  });
  return `At step ${present.step} ${parts.join(", ")}.`;
}

/**
 * Going on by itself, for whoever pressed the button; with reduced motion in a few hops.
 * @param {Model} model
 * @param {Run} recorded
 * @param {(place: number) => void} goTo
 * @param {() => void} request
 * @param {() => void} rest
 */
function playing(model, recorded, goTo, request, rest) {
  const last = recorded.steps.length - 1;
  const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  let frame = 0;
  let from = 0;
  let began = 0;
  const next = (/** @type {number} */ now) => {
    if (began === 0) began = now;
    const seconds = (now - began) / 1000;
    const part = isCalm() ? Math.floor(seconds) / CALM_HOPS : seconds / PLAY_SECONDS;
    const place = Math.min(from + Math.floor(part * last), last);
    if (place !== nearestPlace(recorded.steps, model.get("step"))) goTo(place);
    if (place < last) frame = requestAnimationFrame(next);
    else stop();
  };
  const stop = () => {
    if (frame === 0) return;
    cancelAnimationFrame(frame);
    frame = 0;
    rest();
    request();
  };
  return {
    stop,
    isOn: () => frame !== 0,
    start() {
      from = nearestPlace(recorded.steps, model.get("step"));
      if (from === last) from = 0;
      began = 0;
      goTo(from);
      frame = requestAnimationFrame(next);
      request();
    },
  };
}

/**
 * @param {Model} model
 * @param {Run} recorded
 * @param {ReturnType<typeof playing>} player
 * @param {(place: number) => void} byHand
 * @param {ReturnType<typeof kernelSync>} sync
 */
function trainingControls(model, recorded, player, byHand, sync) {
  const wanted = /** @type {string[]} */ (model.get("controls"));
  const play = button("Play", () => (player.isOn() ? player.stop() : player.start()));
  play.classList.add("cw-play");
  const place = slider(
    "Step",
    { min: 0, max: recorded.steps.length - 1, step: 1 },
    byHand,
    () => sync.rest(),
    (number) => String(recorded.steps[number]),
  );
  const input = /** @type {HTMLInputElement} */ (place.element.querySelector("input"));
  const log = toggle("Logarithmic losses", (on) => {
    model.set("log_scale", on);
    sync.touch();
  });
  const canLog = recorded.losses.every((curve) => curve.every((loss) => !(loss <= 0)));
  play.hidden = !wanted.includes("play");
  place.element.hidden = !wanted.includes("step");
  log.element.hidden = !wanted.includes("log") || !canLog;
  return {
    element: html("div", { class: "cw-controls cw-runcontrols" }, play, place.element, log.element),
    /** @param {Present} present */
    draw(present) {
      setText(play, player.isOn() ? "❚❚ Pause" : "▶ Play");
      play.setAttribute("aria-label", player.isOn() ? "Pause" : "Play");
      place.show(present.place);
      input.setAttribute("aria-valuetext", `step ${present.step}`);
      log.show(present.log);
    },
  };
}

/**
 * The y axis that holds all curves.
 * @param {Run} recorded
 * @param {boolean} log
 * @returns {Axis}
 */
function lossAxis(recorded, log) {
  let [low, high] = [Infinity, -Infinity];
  for (const curve of recorded.losses) {
    for (const loss of curve) {
      if (loss < low) low = loss;
      if (loss > high) high = loss;
    }
  }
  if (!log) {
    const floor = Math.min(low, 0);
    const top = high > floor ? floor + 1.05 * (high - floor) : floor + 1;
    return { low: floor, high: top, ticks: evenTicks(floor, top, 6) };
  }
  [low, high] = [low / 1.2, high * 1.2];
  const first = Math.floor(Math.log10(low));
  const decades = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, power) => 10 ** (first + power));
  const every = decades.length > 4 ? [1] : [1, 2, 5];
  const values = decades.flatMap((decade) => every.map((factor) => factor * decade));
  const ticks = values.filter((value) => value >= low && value <= high);
  return { low, high, log: true, ticks: ticks.map((value) => [value, String(Number(value.toPrecision(1)))]) };
}

/**
 * The points of a curve in pixels, the lowest and the highest of each column of pixels where there are more than those.
 * @param {Chart} chart
 * @param {Int32Array} steps
 * @param {Float32Array} curve
 * @returns {[number, number][]}
 */
function pointsOf(chart, steps, curve) {
  /** @type {[number, number][]} */
  const points = [];
  curve.forEach((loss, place) => {
    if (!Number.isNaN(loss)) points.push([chart.acrossTo(steps[place]), chart.downTo(loss)]);
  });
  if (points.length < 3 * chart.width) return points;
  /** @type {Map<number, [number, number][]>} */
  const columns = new Map();
  for (const at of points) {
    const column = Math.round(at[0]);
    const [lowest, highest] = columns.get(column) ?? [at, at];
    columns.set(column, [at[1] < lowest[1] ? at : lowest, at[1] > highest[1] ? at : highest]);
  }
  return [...columns.values()].flatMap((pair) => pair.sort((a, b) => a[0] - b[0]));
}

/**
 * @param {Model} model
 * @param {Run} recorded
 * @param {(place: number) => void} byHand
 * @param {ReturnType<typeof kernelSync>} sync
 * @param {() => void} request
 */
function lossesPanel(model, recorded, byHand, sync, request) {
  const { steps, names } = recorded;
  const chart = new Chart("Losses; drag to another step", { left: 42, right: 12, height: 250, x: "step" }, request);
  const curves = names.map((_, row) => new Curve(row));
  const dots = names.map((_, row) => new Curve(row));
  chart.area.append(...curves.map((curve) => curve.element), ...dots.map((curve) => curve.element));
  // The slider above is the one under the keys; this one is for the hand.
  const mark = new Mark(chart, {
    label: "step",
    help: "",
    copy: true,
    get: () => steps[nearestPlace(steps, model.get("step"))],
    set: (step) => byHand(nearestPlace(steps, step)),
    step: (direction) => model.get("step") + direction,
    start: () => steps[0],
    rest: () => sync.rest(),
    text: (step) => `step ${step}`,
  });
  const table = curveTable(recorded);
  const { element } = panel("Losses", "drag across the curves", chart.element, table.element);
  let drawnFor = "";
  return {
    element,
    /** @param {Present} present */
    draw(present) {
      const key = `${chart.width} ${present.log}`;
      if (key !== drawnFor) {
        const [low, high] = [steps[0], steps[steps.length - 1]];
        chart.frame(
          { low, high, ticks: evenTicks(low, high, Math.max(2, chart.width / 70)) },
          lossAxis(recorded, present.log),
        );
        curves.forEach((curve, row) => curve.draw(pointsOf(chart, steps, recorded.losses[row]), []));
        drawnFor = key;
      }
      dots.forEach((dot, row) => {
        const at = lastKnown(recorded.losses[row], present.place);
        const loss = recorded.losses[row][at];
        dot.draw([], at < 0 ? [] : [[chart.acrossTo(steps[at]), chart.downTo(loss)]]);
      });
      mark.draw();
      table.draw(present);
    },
    stop: () => chart.stop(),
  };
}

/**
 * The legend, with the numbers at the step in hand.
 * @param {Run} recorded
 */
function curveTable(recorded) {
  const { names, measured } = recorded;
  const rows = names.map((name, row) => {
    const loss = html("td", { class: "cw-number" });
    const right = html("td", { class: "cw-number" });
    const cells = measured.length > 0 ? [loss, right] : [loss];
    const element = html("tr", {}, html("th", { scope: "row", title: name }, sample(row), ` ${name}`), ...cells);
    return { element, loss, right };
  });
  const headings = ["", "loss", ...(measured.length > 0 ? ["right"] : [])];
  const head = headings.map((heading, place) =>
    place === 0
      ? html("th", { scope: "col" }, html("span", { class: "cw-unseen" }, "curve"))
      : html("th", { scope: "col", class: "cw-number" }, heading),
  );
  return {
    element: html(
      "table",
      { class: "cw-curvetable" },
      html("thead", {}, html("tr", {}, ...head)),
      html("tbody", {}, ...rows.map((row) => row.element)),
    ),
    /** @param {Present} present */
    draw(present) {
      rows.forEach(({ loss, right }, row) => {
        const at = lastKnown(recorded.losses[row], present.place);
        setText(loss, at < 0 ? "–" : lossText(recorded.losses[row][at]));
        const place = measured.indexOf(names[row]);
        if (place < 0) return;
        const known = lastKnown(recorded.accuracy[place], present.place);
        setText(right, known < 0 ? "–" : percent(recorded.accuracy[place][known]));
      });
    },
  };
}

/** The map of one head: a canvas, in words for those who don't see it, and a cell that hand or keys point to. */
class HeadMap {
  /**
   * @param {Run} recorded
   * @param {number} head
   * @param {string} help
   * @param {(query: number, key: number) => void} pointAt
   * @param {() => void} left
   */
  constructor(recorded, head, help, pointAt, left) {
    this.recorded = recorded;
    this.head = head;
    this.size = 0;
    this.canvas = html("canvas", {
      class: "cw-headmap",
      role: "img",
      tabindex: 0,
      "aria-describedby": help,
      "data-lm-suppress-shortcuts": "true",
      pointermove: (event) => this.hover(event, pointAt),
      pointerleave: left,
      keydown: (event) => this.press(event, pointAt),
      blur: left,
    });
    this.cursor = html("div", { class: "cw-runcell", hidden: true });
    this.numbers = html("div", { class: "cw-headnumbers" });
    this.at = [0, 0];
    const { keys, queries } = recorded;
    const beside = (/** @type {string[]} */ names, /** @type {string} */ side) =>
      html(
        "div",
        { class: `cw-${side}`, "aria-hidden": "true" },
        ...(names.length > MOST_NAMES_BESIDE ? [] : names.map((name) => html("span", {}, shortened(name, 6)))),
      );
    const area = html("div", { class: "cw-maparea" }, this.canvas, this.cursor);
    area.style.aspectRatio = `${keys.length} / ${queries.length}`;
    this.element = html(
      "div",
      { class: "cw-onehead" },
      html("div", { class: "cw-headname" }, `head ${head}`),
      beside(queries, "querynames"),
      area,
      beside(keys, "keynames"),
      this.numbers,
    );
  }

  /** @param {number} snapshot */
  rows(snapshot) {
    const { weights, nHeads, queries, keys } = this.recorded;
    const start = (snapshot * nHeads + this.head) * queries.length * keys.length;
    return queries.map((_, query) =>
      Array.from(
        weights.subarray(start + query * keys.length, start + (query + 1) * keys.length),
        (level) => level / 255,
      ),
    );
  }

  /**
   * @param {number} snapshot
   * @param {string} theme
   */
  draw(snapshot, theme) {
    const { queries, keys, metricNames, metrics, nHeads } = this.recorded;
    const cell = this.size / keys.length;
    if (hasRoomForNumbers(cell, cell)) {
      drawLargeMap(this.canvas, this.rows(snapshot), theme, [this.size, cell * queries.length]);
    } else {
      drawSmallMap(this.canvas, this.rows(snapshot), theme);
    }
    const said = metricNames.map((name, row) => `${name} ${written(metrics[row][snapshot * nHeads + this.head])}`);
    setText(this.numbers, said.join(", "));
  }

  /** @param {number} snapshot */
  words(snapshot) {
    const { queries, keys, weightSteps } = this.recorded;
    const most = this.rows(snapshot).map((row, query) => {
      const key = row.indexOf(Math.max(...row));
      return `${quoted(queries[query])} to ${quoted(keys[key])} ${percent(row[key])}`;
    });
    return `Head ${this.head} at step ${weightSteps[snapshot]}; each query's largest weight: ${most.join(", ")}.`;
  }

  /**
   * @param {number} query
   * @param {number} key
   */
  point(query, key) {
    const { queries, keys } = this.recorded;
    this.at = [query, key];
    this.cursor.hidden = false;
    this.cursor.style.left = `${(100 * key) / keys.length}%`;
    this.cursor.style.top = `${(100 * query) / queries.length}%`;
    this.cursor.style.width = `${100 / keys.length}%`;
    this.cursor.style.height = `${100 / queries.length}%`;
  }

  /**
   * @param {PointerEvent} event
   * @param {(query: number, key: number) => void} pointAt
   */
  hover(event, pointAt) {
    const { queries, keys } = this.recorded;
    const frame = this.canvas.getBoundingClientRect();
    const place = (/** @type {number} */ part, /** @type {number} */ size) =>
      Math.min(Math.max(Math.floor(part * size), 0), size - 1);
    pointAt(
      place((event.clientY - frame.top) / frame.height, queries.length),
      place((event.clientX - frame.left) / frame.width, keys.length),
    );
  }

  /**
   * @param {KeyboardEvent} event
   * @param {(query: number, key: number) => void} pointAt
   */
  press(event, pointAt) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [query, key] = this.at;
    const [lastQuery, lastKey] = [this.recorded.queries.length - 1, this.recorded.keys.length - 1];
    /** @type {Record<string, [number, number]>} */
    const moves = {
      ArrowUp: [Math.max(query - 1, 0), key],
      ArrowDown: [Math.min(query + 1, lastQuery), key],
      ArrowLeft: [query, Math.max(key - 1, 0)],
      ArrowRight: [query, Math.min(key + 1, lastKey)],
      Home: [query, 0],
      End: [query, lastKey],
    };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    pointAt(...target);
  }
}

/**
 * @param {Run} recorded
 * @param {HTMLElement} root
 */
function headsPanel(recorded, root) {
  const help = helpText(CELL_HELP);
  let snapshot = 0;
  /** @type {[number, number] | null} */
  let pointed = null;
  let speak = (/** @type {string} */ _words) => {};
  const cell = html("div", { class: "cw-runreadout", "aria-hidden": "true" });
  const cellWords = () => {
    if (pointed === null) return "";
    const [query, key] = pointed;
    const shares = maps.map((map) => `head ${map.head}: ${percent(map.rows(snapshot)[query][key])}`);
    return `${quoted(recorded.queries[query])} to ${quoted(recorded.keys[key])}: ${shares.join(", ")}`;
  };
  const showCell = () => setText(cell, cellWords() || "Point to a cell to compare the heads.");
  const pointAt = (/** @type {number} */ query, /** @type {number} */ key) => {
    pointed = [query, key];
    for (const map of maps) map.point(query, key);
    showCell();
    speak(cellWords());
  };
  const leave = () => {
    pointed = null;
    for (const map of maps) map.cursor.hidden = true;
    showCell();
  };
  const maps = Array.from(
    { length: recorded.nHeads },
    (_, head) => new HeadMap(recorded, head, help.id, pointAt, leave),
  );
  const grid = html(
    "div",
    { class: `cw-runheads cw-runheads-${Math.min(recorded.nHeads, 4)}` },
    ...maps.map((map) => map.element),
  );
  const { element, subtitle } = panel("What each head attends to", " ", grid, cell, help);
  let theme = "";
  let drawn = -1;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const redraw = () => {
    for (const map of maps) map.draw(snapshot, theme);
    drawn = snapshot;
    clearTimeout(timer);
    timer = setTimeout(() => {
      for (const map of maps) map.canvas.setAttribute("aria-label", map.words(snapshot));
    }, 300); // the words follow at rest: twenty-four tokens in eight heads make long sentences
  };
  const observer = new ResizeObserver((entries) => {
    for (const entry of entries) {
      const map = maps.find(({ canvas }) => canvas.parentElement === entry.target);
      if (map) map.size = Math.round(entry.contentRect.width);
    }
    redraw();
  });
  for (const map of maps) observer.observe(/** @type {Element} */ (map.canvas.parentElement));
  return {
    element,
    /** @param {(words: string) => void} say */
    listen(say) {
      speak = say;
    },
    /** @param {Present} present */
    draw(present) {
      const now = root.dataset.theme ?? "light";
      snapshot = present.snapshot;
      const when = recorded.weightSteps[snapshot];
      setText(subtitle, `rows: queries, columns: keys${when === present.step ? "" : `; recorded at step ${when}`}`);
      if (snapshot === drawn && now === theme) return;
      theme = now;
      redraw();
      showCell();
    },
    stop() {
      observer.disconnect();
      clearTimeout(timer);
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
    return run(model, el, (root, request) => buildTraining(model, root, request));
  },
};
