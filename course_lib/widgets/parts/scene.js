// Around every picture: a question above, the same in words below, and what moves in it told to the kernel.
import { html, setText, uniqueId } from "./elements.js";
import { announcer, kernelSync } from "./timing.js";

/** @typedef {import("./timing.js").Model} Model */
/** @typedef {{set: (values: Record<string, any>) => void, rest: () => void, stop: () => void}} Changes */

/**
 * Set traits now and tell the kernel soon; at rest, and when the picture goes, at once.
 * @param {Model} model
 * @returns {Changes}
 */
export function traitChanges(model) {
  const { touch, rest, stop } = kernelSync(model);
  return {
    set(values) {
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      touch();
    },
    rest,
    stop,
  };
}

/**
 * A text for those who cannot see the picture, which its controls point to by its id.
 * @param {string} text
 */
export function helpText(text) {
  return html("div", { id: uniqueId("help"), class: "cw-unseen" }, text);
}

/**
 * Put a question above what is shown, and below it a sentence that says the same and is read out once it rests.
 * @param {Model} model
 * @param {HTMLElement} root
 * @param {{shown: readonly Node[], helps?: readonly Node[], className?: string}} content
 */
export function scene(model, root, { shown, helps = [], className = "" }) {
  const question = html("div", { class: "cw-question" });
  const readout = html("div", { class: `cw-readout ${className}`, "aria-hidden": "true" });
  root.append(question, ...shown, readout, ...helps);
  const voice = announcer(root);
  let said = "";
  return {
    /**
     * @param {string} sentence
     * @param {{seen?: string, spoken?: () => string}} [instead] what is seen or read out in its place
     */
    tell(sentence, { seen = sentence, spoken = () => sentence.replaceAll("−", "-") } = {}) {
      setText(question, model.get("question"));
      question.hidden = model.get("question") === "";
      setText(readout, seen);
      if (said !== "" && said !== sentence) voice.say(spoken);
      said = sentence;
    },
    /** @param {string} words */
    say: (words) => voice.say(() => words),
    stop: voice.stop,
  };
}
