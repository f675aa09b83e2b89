// What attention costs: points, lines fitted to them, and what the lines say for any number of tokens.
import { Chart, Curve, Mark, MARK_HELP, sample } from "./parts/chart.js";
import { button, panel, slider } from "./parts/controls.js";
import { html, setText, shortened } from "./parts/elements.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { helpText, scene } from "./parts/scene.js";
import { kernelSync } from "./parts/timing.js";
import { bytesText, countText, secondsText } from "./parts/units.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readCost>} Costs */
/** @typedef {"seconds" | "bytes"} Quantity */
/** @typedef {{method: string, series: number, nTokens: number[], amounts: number[], factor: number, exponent: number}} Method */

const QUANTITIES = /** @type {const} */ (["seconds", "bytes"]);
const [FEWEST, MOST] = [10, 1e7];
const JUMPS = [1e3, 1e5, 1e7];
const WRITE = { seconds: secondsText, bytes: bytesText };
const TITLES = { seconds: "Time", bytes: "Memory" };

/**
 * All numbers of the picture.
 * @param {Model} model
 */
function readCost(model) {
  const measured = model.get("measured");
  const lines = model.get("lines");
  const names = [
    ...new Set(QUANTITIES.flatMap((quantity) => measured[quantity].map((/** @type {any[]} */ row) => row[0]))),
  ];
  const methods = (/** @type {Quantity} */ quantity) =>
    measured[quantity].map(
      (/** @type {[string, number[], number[]]} */ [method, nTokens, amounts], /** @type {number} */ index) => {
        const [factor, exponent] = lines[quantity][index];
        return {
          method,
          series: names.indexOf(method),
          nTokens,
          amounts,
          factor,
          exponent,
        };
      },
    );
  return {
    names: /** @type {string[]} */ (names),
    methods: {
      seconds: /** @type {Method[]} */ (methods("seconds")),
      bytes: /** @type {Method[]} */ (methods("bytes")),
    },
    at: /** @type {number} */ (model.get("at")),
    origin: /** @type {string} */ (model.get("origin")),
    fitFrom: /** @type {number} */ (model.get("fit_from")),
  };
}

/**
 * @param {Method} method
 * @param {number} at
 */
function predicted({ factor, exponent }, at) {
  return factor * at ** exponent;
}

/**
 * @param {Method} method
 * @param {number} at
 */
function isBeyond({ nTokens }, at) {
  return at < nTokens[0] || at > nTokens[nTokens.length - 1];
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildCost(model, root, request) {
  const first = readCost(model);
  const sync = kernelSync(model);
  const set = (/** @type {number} */ at) => {
    model.set("at", Math.min(Math.max(Number(at.toPrecision(2)), FEWEST), MOST));
    sync.touch();
  };
  const help = helpText(MARK_HELP);
  const controls = costControls(model, set, sync.rest);
  const shown = QUANTITIES.filter((quantity) => first.methods[quantity].length > 0);
  const plots = shown.map((quantity, place) =>
    costPlot(model, first, quantity, { set, rest: sync.rest, help: help.id, copy: place > 0 }, request),
  );
  const table = costTable(first, shown);
  const around = scene(model, root, {
    shown: [
      controls.element,
      html("div", { class: `cw-costs cw-costs-${shown.length}` }, ...plots.map((plot) => plot.element), table.element),
    ],
    helps: [help],
  });
  return {
    draw() {
      const state = readCost(model);
      controls.draw(state);
      for (const part of [...plots, table]) part.draw(state);
      around.tell(describeCost(state, shown));
    },
    stop() {
      sync.stop();
      around.stop();
      for (const plot of plots) plot.stop();
    },
  };
}

/**
 * The extremes in words.
 * @param {Costs} state
 * @param {readonly Quantity[]} shown
 */
function describeCost(state, shown) {
  const parts = shown.map((quantity) => {
    const amounts = state.methods[quantity].map((method) => predicted(method, state.at));
    const [least, most] = [Math.min(...amounts), Math.max(...amounts)];
    const name = (/** @type {number} */ amount) =>
      `${WRITE[quantity](amount)} (${state.methods[quantity][amounts.indexOf(amount)].method})`;
    const range = amounts.length === 1 ? name(most) : `from ${name(least)} to ${name(most)}`;
    return `${TITLES[quantity].toLowerCase()} ${range}`;
  });
  const beyond = shown.some((quantity) => state.methods[quantity].some((method) => isBeyond(method, state.at)));
  const caution = beyond ? ` Beyond the ${state.origin} points this is an extrapolation.` : "";
  return `At ${countText(state.at)} tokens: ${parts.join("; ")}.${caution}`;
}

/**
 * @param {Model} model
 * @param {(at: number) => void} set
 * @param {() => void} rest
 */
function costControls(model, set, rest) {
  const at = slider(
    "Tokens",
    { min: Math.log10(FEWEST), max: Math.log10(MOST), step: 0.01 },
    (power) => set(10 ** power),
    rest,
    (power) => countText(Number((10 ** power).toPrecision(2))),
  );
  at.element.classList.add("cw-wide");
  const jumps = JUMPS.map((tokens) => button(countText(tokens), () => set(tokens)));
  const wanted = /** @type {string[]} */ (model.get("controls"));
  at.element.hidden = !wanted.includes("at");
  for (const jump of jumps) jump.hidden = !wanted.includes("jumps");
  return {
    element: html("div", { class: "cw-controls" }, at.element, ...jumps),
    /** @param {Costs} state */
    draw: (state) => at.show(Math.log10(state.at)),
  };
}

/**
 * One quantity against the number of tokens; the marks of two plots are one number.
 * @param {Model} model
 * @param {Costs} first
 * @param {Quantity} quantity
 * @param {{set: (at: number) => void, rest: () => void, help: string, copy: boolean}} hand
 * @param {() => void} request
 */
function costPlot(model, first, quantity, hand, request) {
  const look = { left: 58, right: 34, height: 300, x: "number of tokens" };
  const chart = new Chart(`${TITLES[quantity]} by number of tokens`, look, request);
  const methods = first.methods[quantity];
  const curves = methods.map((method) => new Curve(method.series, false));
  chart.area.append(...curves.map((curve) => curve.element));
  const mark = new Mark(chart, {
    label: "number of tokens",
    help: hand.help,
    get: () => model.get("at"),
    set: hand.set,
    step: (direction, coarse) => keyStep(model.get("at"), direction, coarse),
    start: () => model.get("start").at ?? model.get("at"),
    rest: hand.rest,
    text: (at) => `${countText(at)} tokens`,
    copy: hand.copy,
  });
  const axes = { x: tokenAxis(), y: amountAxis(methods, quantity) };
  const { element } = panel(TITLES[quantity], `points: ${first.origin}; dashed: extrapolated`, chart.element);
  return {
    element,
    draw() {
      chart.frame(axes.x, axes.y);
      methods.forEach((method, index) => {
        const place = (/** @type {number} */ n, amount = predicted(method, n)) =>
          /** @type {[number, number]} */ ([chart.acrossTo(n), chart.downTo(amount)]);
        const [low, high] = [method.nTokens[0], method.nTokens[method.nTokens.length - 1]];
        curves[index].draw(
          [place(low), place(high)],
          method.nTokens.map((n, at) => place(n, method.amounts[at])),
          [
            [place(FEWEST), place(low)],
            [place(high), place(MOST)],
          ].filter((_, side) => (side === 0 ? low > FEWEST : high < MOST)),
          (at) => method.nTokens[at] < first.fitFrom,
        );
      });
      mark.draw();
    },
    stop: () => chart.stop(),
  };
}

/**
 * One step of the second digit, or a whole power of ten.
 * @param {number} at
 * @param {number} direction
 * @param {boolean} coarse
 */
function keyStep(at, direction, coarse) {
  if (coarse) return direction > 0 ? at * 10 : at / 10;
  const power = 10 ** (Math.floor(Math.log10(at) + 1e-9) - 1);
  const below = direction < 0 && Math.abs(at / power - 10) < 1e-9; // from 1.0 down to 0.99 of the next power
  return at + direction * (below ? power / 10 : power);
}

function tokenAxis() {
  /** @type {[number, string][]} */
  const ticks = [10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].map((n) => [n, countText(n)]);
  return {
    low: FEWEST,
    high: MOST,
    log: true,
    ticks: ticks.filter((_, index) => index % 2 === 0),
  };
}

/**
 * From the smallest to the largest amount that a line reaches, with a tick where a unit begins.
 * @param {readonly Method[]} methods
 * @param {Quantity} quantity
 */
function amountAxis(methods, quantity) {
  const amounts = methods.flatMap((method) => [...method.amounts, predicted(method, FEWEST), predicted(method, MOST)]);
  const low = 10 ** Math.floor(Math.log10(Math.min(...amounts)));
  const high = Math.max(10 ** Math.ceil(Math.log10(Math.max(...amounts))), 10 * low);
  const round =
    quantity === "bytes"
      ? [1, 1e3, 1e6, 1e9, 1e12, 1e15, 1e18, 1e21]
      : [1e-9, 1e-6, 1e-3, 1, 60, 3600, 86_400, 31_557_600, 3.15576e9, 3.15576e12];
  /** @type {[number, string][]} */
  const ticks = round
    .filter((amount) => amount >= low && amount <= high)
    .map((amount) => [amount, WRITE[quantity](amount)]);
  const ends = [low, high].map((amount) => /** @type {[number, string]} */ ([amount, WRITE[quantity](amount)]));
  return { low, high, log: true, ticks: ticks.length < 2 ? ends : ticks };
}

/**
 * A row for each method: its exponents, and its time and memory at the mark.
 * @param {Costs} first
 * @param {readonly Quantity[]} shown
 */
function costTable(first, shown) {
  const rows = first.names.map((name, series) => {
    const cells = shown.map(() => ({
      amount: html("b", {}),
      beyond: html("small", {}),
      growth: html("td", {}),
    }));
    const row = html(
      "tr",
      {},
      html("th", { scope: "row", title: name }, sample(series, false), ` ${shortened(name, 24)}`),
      ...cells.flatMap(({ amount, beyond, growth }) => [growth, html("td", {}, amount, " ", beyond)]),
    );
    return { name, cells, row };
  });
  const heads = shown.map((quantity) => html("th", { scope: "col" }, TITLES[quantity].toLowerCase()));
  const head = html(
    "tr",
    {},
    html("th", { scope: "col" }, "method"),
    ...heads.flatMap((cell, index) => [
      html("th", { scope: "col" }, `${TITLES[shown[index]].toLowerCase()} grows as`),
      cell,
    ]),
  );
  return {
    element: html(
      "table",
      { class: "cw-costtable" },
      html("thead", {}, head),
      html("tbody", {}, ...rows.map(({ row }) => row)),
    ),
    /** @param {Costs} state */
    draw(state) {
      heads.forEach((cell) => setText(cell, `at ${countText(state.at)}`));
      for (const { name, cells } of rows) {
        shown.forEach((quantity, index) => {
          const method = state.methods[quantity].find((each) => each.method === name);
          setText(cells[index].growth, method ? `n^${method.exponent.toFixed(2)}` : "not given");
          setText(cells[index].amount, method ? WRITE[quantity](predicted(method, state.at)) : "");
          setText(cells[index].beyond, method && isBeyond(method, state.at) ? "extrapolated" : "");
        });
      }
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
    return run(model, el, (root, request) => buildCost(model, root, request));
  },
};
