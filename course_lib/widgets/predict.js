// A prediction: choose, commit, and only then see what happens. The first answer stays.
import { allow, button } from "./parts/controls.js";
import { html, setText, uniqueId } from "./parts/elements.js";
import { paragraphs, withCode } from "./parts/prose.js";
import { run } from "./parts/run.js";
import { kernelSync } from "./parts/timing.js";

/** @typedef {import("./parts/timing.js").Model} Model */

const WAIT_FOR_KERNEL = 400; // milliseconds: what the kernel says comes first, what the page holds only after that
const NO_KERNEL_AFTER = 5000;

/**
 * One option: a native radio button, its letter and text, and a place for "your answer".
 * @param {string} group
 * @param {string} letter
 * @param {string} text
 * @param {() => void} choose
 */
function predictOption(group, letter, text, choose) {
  const input = html("input", {
    type: "radio",
    name: group,
    value: letter,
    "data-lm-suppress-shortcuts": "true",
    change: choose,
  });
  const tag = html("span", { class: "cw-tag" });
  const element = html(
    "label",
    { class: "cw-option" },
    input,
    html("span", { class: "cw-letter" }, letter),
    html("span", { class: "cw-optiontext" }, ...withCode(text), " ", tag),
  );
  return { letter, input, tag, element };
}

/**
 * What is known after the commitment; both empty before it.
 * @param {Model} model
 * @param {number} waited milliseconds since the commitment
 */
function outcomeOf(model, waited) {
  const answer = /** @type {string} */ (model.get("answer"));
  if (answer === "") return { text: "", right: "" };
  const kept = waited > WAIT_FOR_KERNEL ? model.get("reveal") : "";
  const text = /** @type {string} */ (model.get("revealed") || kept);
  const known = text !== "" || waited > WAIT_FOR_KERNEL;
  return { text, right: known ? /** @type {string} */ (model.get("right")) : "" };
}

/**
 * @param {string} letter
 * @param {string} answer
 * @param {string} right
 */
function tagOf(letter, answer, right) {
  const own = letter === answer && answer !== "";
  const happens = letter === right && right !== "";
  if (own && happens) return "your answer, and what happens";
  return own ? "your answer" : happens ? "what happens" : "";
}

/**
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {() => void} request
 */
function buildPredict(model, root, request) {
  const sync = kernelSync(model);
  const group = uniqueId("predict");
  let chosen = "";
  let committed = -Infinity; // when; a page that opens answered has waited long enough
  /** @type {ReturnType<typeof setTimeout>[]} */
  const timers = [];
  const choose = (/** @type {string} */ letter) => {
    if (model.get("answer") !== "") return;
    chosen = letter;
    request();
  };
  const commit = () => {
    if (chosen === "" || model.get("answer") !== "") return;
    model.set("answer", chosen);
    committed = performance.now();
    for (const after of [WAIT_FOR_KERNEL, NO_KERNEL_AFTER]) timers.push(setTimeout(request, after + 20));
    sync.touch();
    sync.rest();
    request();
  };
  const question = /** @type {string} */ (model.get("question"));
  const options = Object.entries(/** @type {Record<string, string>} */ (model.get("options"))).map(([letter, text]) =>
    predictOption(group, letter, text, () => choose(letter)),
  );
  const legend = html("legend", { class: "cw-question" }, ...withCode(question));
  const fieldset = html("fieldset", { class: "cw-options" }, legend, ...options.map(({ element }) => element));
  fieldset.addEventListener("keydown", (event) => {
    const option = options.find(({ letter }) => letter === event.key);
    if (!option || event.ctrlKey || event.altKey || event.metaKey || model.get("answer") !== "") return;
    event.preventDefault();
    event.stopPropagation();
    option.input.focus();
    option.input.checked = true;
    choose(option.letter);
  });
  const send = button("Commit", commit);
  send.classList.add("cw-main");
  const hint = html("span", { class: "cw-hint" });
  const bar = html("div", { class: "cw-controls" }, send, hint);
  const said = html("div", { class: "cw-said", role: "status" });
  root.classList.add("cw-answers");
  root.append(fieldset, bar, said);
  let shown = "";

  return {
    draw() {
      const answer = /** @type {string} */ (model.get("answer"));
      const waited = performance.now() - committed;
      const { text, right } = outcomeOf(model, waited);
      for (const { letter, input, tag, element } of options) {
        input.checked = letter === (answer || chosen);
        input.disabled = answer !== "";
        setText(tag, tagOf(letter, answer, right));
        element.classList.toggle("cw-chosen", letter === (answer || chosen));
        element.classList.toggle("cw-happens", letter === right && right !== "");
      }
      // Kept in the page where a hand has just pressed it: the focus shall not jump.
      bar.hidden = answer !== "" && committed === -Infinity;
      allow(send, chosen !== "" && answer === "");
      setText(send, answer === "" ? (chosen === "" ? "Commit" : `Commit to ${chosen}`) : `Committed to ${answer}`);
      setText(hint, hintFor(answer, chosen, text, waited));
      if (text !== shown) said.replaceChildren(...paragraphs(text, /^✔/.test(text)));
      said.hidden = text === "";
      shown = text;
    },
    stop() {
      timers.forEach(clearTimeout);
      sync.stop();
    },
  };
}

/**
 * @param {string} answer
 * @param {string} chosen
 * @param {string} text
 * @param {number} waited
 */
function hintFor(answer, chosen, text, waited) {
  if (answer === "")
    return chosen === "" ? "Choose first. A guess is welcome." : "Until then you can change your mind.";
  if (text !== "") return "";
  return waited < NO_KERNEL_AFTER ? "…" : "Your answer is kept. No kernel has said what happens.";
}

export default {
  /** @param {{model: Model, el: HTMLElement}} context */
  render({ model, el }) {
    return run(model, el, (root, request) => buildPredict(model, root, request));
  },
};
