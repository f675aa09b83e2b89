// Online softmax: the scores pass by block by block; a maximum, a sum and a mixture of values are all that is kept.
import { onlineSoftmaxOutput, onlineSoftmaxStart, onlineSoftmaxStep } from "./arithmetic/tiles.js";
import { softmaxRow, weightedSum } from "./attention.js";
import { allow, button, slider } from "./parts/controls.js";
import { html, setText, shortened, written } from "./parts/elements.js";
import { linkSliders } from "./parts/links.js";
import { run } from "./parts/run.js";
import { scene, traitChanges } from "./parts/scene.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {ReturnType<typeof readOnline>} Online */
/** @typedef {(values: Record<string, number>) => void} SetNumbers */

const MOST_SCORE = 100;

/**
 * All numbers of the picture, computed from the model's.
 * @param {Model} model
 */
function readOnline(model) {
  const tokens = /** @type {string[]} */ (model.get("tokens"));
  const scores = tokens.map((_, key) => /** @type {number} */ (model.get(`scores_${key}`)));
  const values = /** @type {number[][]} */ (model.get("values"));
  const blockSize = Math.min(/** @type {number} */ (model.get("block_size")), scores.length);
  const nBlocks = Math.ceil(scores.length / blockSize);
  const step = Math.min(/** @type {number} */ (model.get("step")), nBlocks);
  const start = onlineSoftmaxStart(values[0].length);
  /** @type {ReturnType<typeof onlineSoftmaxStep>[]} */
  const states = [];
  for (let block = 0; block < nBlocks; block += 1) {
    const [from, to] = [block * blockSize, (block + 1) * blockSize];
    states.push(onlineSoftmaxStep(states[block - 1] ?? start, scores.slice(from, to), values.slice(from, to)));
  }
  const outputs = states.map(onlineSoftmaxOutput);
  const [ordinary] = weightedSum([softmaxRow(scores)], values);
  return {
    tokens,
    scores,
    values,
    blockSize,
    nBlocks,
    step,
    start,
    states,
    outputs,
    ordinary,
  };
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 */
function buildOnline(model, root) {
  const first = readOnline(model);
  const { set, rest, stop } = traitChanges(model);
  const controls = onlineControls(model, first, set, rest);
  const row = scoreBlocks(first, set, rest);
  const sums = arithmeticLines();
  const table = keptTable(first);
  const around = scene(model, root, {
    shown: [controls.element, row.element, html("div", { class: "cw-online" }, sums.element, table.element)],
  });
  return {
    draw() {
      const state = readOnline(model);
      for (const part of [controls, row, sums, table]) part.draw(state);
      around.tell(describeOnline(state));
    },
    stop() {
      stop();
      around.stop();
    },
  };
}

/**
 * @param {readonly number[]} vector
 * @param {number} [decimals]
 */
function vectorText(vector, decimals = 2) {
  return `(${vector.map((number) => written(number, decimals)).join(", ")})`;
}

/** @param {Online} state */
function describeOnline(state) {
  const { step, nBlocks, states, outputs, ordinary } = state;
  if (step === 0) return "No block read yet. Read one: what has to be kept of it?";
  const { largest, total, fade } = states[step - 1];
  const kept = `maximum ${written(largest)}, sum ${written(total)}, output ${vectorText(outputs[step - 1])}`;
  if (step < nBlocks) {
    const faded = step > 1 ? `; what was summed before counts ${written(fade)} times` : "";
    return `Block ${step} of ${nBlocks}: ${kept}${faded}.`;
  }
  const [ours, theirs] = [vectorText(outputs[step - 1], 6), vectorText(ordinary, 6)];
  const verdict = ours === theirs ? "equal to the last digit shown" : "not equal";
  return `All ${nBlocks} blocks read: online ${ours}, ordinary softmax ${theirs}: ${verdict}.`;
}

/**
 * @param {Model} model
 * @param {Online} first
 * @param {SetNumbers} set
 * @param {() => void} rest
 */
function onlineControls(model, first, set, rest) {
  const whole = (/** @type {number} */ number) => String(Math.round(number));
  const read = slider("Blocks read", { min: 0, max: first.nBlocks, step: 1 }, (step) => set({ step }), rest, whole);
  const input = /** @type {HTMLInputElement} */ (read.element.querySelector("input"));
  const back = button("◂ Back", () => set({ step: Math.max(readOnline(model).step - 1, 0) }));
  const next = button("Read a block ▸", () =>
    set({
      step: Math.min(readOnline(model).step + 1, readOnline(model).nBlocks),
    }),
  );
  const size = slider(
    "Block size",
    { min: 1, max: first.scores.length, step: 1 },
    (blockSize) => {
      const { step, nBlocks, scores } = readOnline(model);
      const blocks = Math.ceil(scores.length / blockSize);
      set({
        block_size: blockSize,
        step: step === nBlocks ? blocks : Math.min(step, blocks),
      });
    },
    rest,
    whole,
  );
  const wanted = /** @type {string[]} */ (model.get("controls"));
  for (const element of [back, next, read.element]) element.hidden = !wanted.includes("step");
  size.element.hidden = !wanted.includes("block_size");
  return {
    element: html("div", { class: "cw-controls" }, back, next, read.element, size.element),
    /** @param {Online} state */
    draw(state) {
      input.max = String(state.nBlocks);
      read.show(state.step);
      size.show(state.blockSize);
      allow(back, state.step > 0);
      allow(next, state.step < state.nBlocks);
    },
  };
}

/**
 * The row of scores, cut into blocks: let go, in the hand, still to come.
 * @param {Online} first
 * @param {SetNumbers} set
 * @param {() => void} rest
 */
function scoreBlocks(first, set, rest) {
  const cells = first.tokens.map((token, key) => {
    const field = html("input", {
      type: "number",
      step: 0.5,
      min: -MOST_SCORE,
      max: MOST_SCORE,
      "aria-label": `score of key ${token}`,
      "data-lm-suppress-shortcuts": "true",
      input: () => {
        const number = field.valueAsNumber;
        if (Number.isFinite(number) && Math.abs(number) <= MOST_SCORE) set({ [`scores_${key}`]: number });
      },
      change: () => rest(),
    });
    const value = html("div", { class: "cw-keyvalue" });
    const element = html(
      "div",
      { class: "cw-key-cell" },
      html("div", { title: token }, `key ${shortened(token, 6)}`),
      field,
      value,
    );
    return { field, value, element };
  });
  const blocks = cells.map(() => {
    const caption = html("div", { class: "cw-blockname" });
    const inside = html("div", { class: "cw-blockcells" });
    return {
      caption,
      inside,
      element: html("div", { class: "cw-block" }, caption, inside),
    };
  });
  let cutInto = 0;
  return {
    element: html(
      "div",
      {
        class: "cw-blocks",
        role: "group",
        "aria-label": "Scores, cut into blocks",
      },
      ...blocks.map(({ element }) => element),
    ),
    /** @param {Online} state */
    draw(state) {
      if (cutInto !== state.blockSize) {
        cells.forEach((cell, key) => blocks[Math.floor(key / state.blockSize)].inside.append(cell.element));
        cutInto = state.blockSize;
      }
      blocks.forEach(({ element, caption }, block) => {
        element.hidden = block >= state.nBlocks;
        const place = block < state.step - 1 ? "gone" : block === state.step - 1 ? "now" : "coming";
        for (const each of ["gone", "now", "coming"]) element.classList.toggle(`cw-${each}`, each === place);
        const said = { gone: "let go", now: "in hand", coming: "to come" }[place];
        setText(caption, `${block + 1}: ${said}`);
      });
      cells.forEach(({ field, value }, key) => {
        const rounded = Math.round(state.scores[key] * 1000) / 1000;
        const typing = document.activeElement === field && Math.abs((field.valueAsNumber || 0) - rounded) < 1e-9;
        if (!typing && field.value !== String(rounded)) field.value = String(rounded);
        setText(
          value,
          `v ${state.values[key].map((number) => written(number, Number.isInteger(number) ? 0 : 1)).join(", ")}`,
        );
      });
    },
  };
}

/** The steps of the formula with the numbers of the block in hand. */
function arithmeticLines() {
  const names = ["maximum m", "factor", "sum l", "mixture", "output"];
  const lines = names.map(() => ({
    formula: html("div", { class: "cw-stepformula" }),
    numbers: html("div", {}),
  }));
  const title = html("div", { class: "cw-title" });
  const element = html(
    "section",
    { class: "cw-arithmetic", "aria-label": "The arithmetic of this block" },
    title,
    html(
      "dl",
      {},
      ...names.flatMap((name, index) => [
        html("dt", {}, name),
        html("dd", {}, lines[index].formula, lines[index].numbers),
      ]),
    ),
  );
  const formulas = [
    "max(m before, scores)",
    "exp(m before − m)",
    "l before · factor + Σ exp(score − m)",
    "mixture before · factor + Σ exp(score − m) v",
    "mixture / l",
  ];
  return {
    element,
    /** @param {Online} state */
    draw(state) {
      setText(title, state.step === 0 ? "Before the first block" : `Block ${state.step} of ${state.nBlocks}, in hand`);
      const numbers =
        state.step === 0 ? ["−∞", "", "0.00", vectorText(state.start.mixed), "none yet"] : stepNumbers(state);
      lines.forEach(({ formula, numbers: line }, index) => {
        setText(formula, formulas[index]);
        setText(line, numbers[index] === "" ? "none" : `${state.step === 0 ? "" : "= "}${numbers[index]}`);
      });
    },
  };
}

/** @param {Online} state */
function stepNumbers({ step, states, start, scores, blockSize, outputs }) {
  const now = states[step - 1];
  const before = states[step - 2] ?? start;
  const own = scores.slice((step - 1) * blockSize, step * blockSize);
  const added = now.weights.map((weight) => written(weight)).join(" + ");
  return [
    `max(${[before.largest, ...own].map((score) => written(score)).join(", ")}) = ${written(now.largest)}`,
    `exp(${written(before.largest)} − ${written(now.largest).replace(/^−(.*)$/, "(−$1)")}) = ${written(now.fade)}`,
    `${written(before.total)} · ${written(now.fade)} + ${added} = ${written(now.total)}`,
    `${vectorText(before.mixed)} · ${written(now.fade)} + … = ${vectorText(now.mixed)}`,
    `${vectorText(now.mixed)} / ${written(now.total)} = ${vectorText(outputs[step - 1])}`,
  ];
}

/**
 * What is kept after each block; at the end, ordinary softmax beside it.
 * @param {Online} first
 */
function keptTable(first) {
  const rows = first.tokens.map((_, block) => {
    const cells = Array.from({ length: 4 }, () => html("td", {}));
    return {
      cells,
      row: html("tr", {}, html("th", { scope: "row" }, String(block + 1)), ...cells),
    };
  });
  const target = html("td", {});
  const headings = ["block", "m", "factor", "l", "output"].map((name) => html("th", { scope: "col" }, name));
  const ordinary = html(
    "tr",
    { class: "cw-ordinary" },
    html("th", { scope: "row", colspan: 4 }, "ordinary softmax, all scores at once"),
    target,
  );
  return {
    element: html(
      "table",
      { class: "cw-kept" },
      html("caption", {}, "Kept after each block"),
      html("thead", {}, html("tr", {}, ...headings)),
      html("tbody", {}, ...rows.map(({ row }) => row), ordinary),
    ),
    /** @param {Online} state */
    draw(state) {
      rows.forEach(({ row, cells }, block) => {
        row.hidden = block >= state.nBlocks;
        row.classList.toggle("cw-now", block === state.step - 1);
        if (row.hidden) return;
        const { largest, fade, total } = state.states[block];
        const shown = block < state.step;
        const texts = [written(largest), written(fade), written(total), vectorText(state.outputs[block])];
        cells.forEach((cell, index) => setText(cell, shown ? texts[index] : "·"));
      });
      setText(target, vectorText(state.ordinary));
      ordinary.classList.toggle("cw-now", state.step === state.nBlocks);
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
    return run(model, el, (root) => buildOnline(model, root));
  },
};
