// Controls above a picture: choices, toggles, sliders, buttons; and the titled panels below them.
import { html, setAttributes, setText, shortened, uniqueId, written } from "./elements.js";

/**
 * One of several, as a row of buttons: native radio buttons, so that the arrow keys and screen readers know them.
 * @param {string} legend
 * @param {readonly string[]} names
 * @param {(index: number) => void} select
 * @param {number} [most] letters of a name that are shown
 */
export function choice(legend, names, select, most = 12) {
  const group = uniqueId("choice");
  const inputs = names.map((_, index) =>
    html("input", {
      type: "radio",
      name: group,
      value: index,
      "data-lm-suppress-shortcuts": "true",
      change: () => select(index),
    }),
  );
  const element = html(
    "fieldset",
    { class: "cw-choice" },
    html("legend", {}, legend),
    html(
      "div",
      { class: "cw-segments" },
      ...names.map((name, index) =>
        html("label", { title: name }, inputs[index], html("span", {}, shortened(name, most))),
      ),
    ),
  );
  return {
    element,
    /** @param {number} index */
    show(index) {
      if (inputs[index] && !inputs[index].checked) inputs[index].checked = true;
    },
  };
}

/**
 * @param {string} label
 * @param {(on: boolean) => void} changed
 */
export function toggle(label, changed) {
  const input = html("input", {
    type: "checkbox",
    "data-lm-suppress-shortcuts": "true",
    change: () => changed(input.checked),
  });
  const text = html("span", {}, label);
  return {
    element: html("label", { class: "cw-toggle" }, input, text),
    /** @param {boolean} on */
    show(on) {
      input.checked = on;
    },
  };
}

/**
 * @param {string} label
 * @param {{min: number, max: number, step: number}} range
 * @param {(number: number) => void} changed
 * @param {() => void} rest
 * @param {(number: number) => string} [write]
 */
export function slider(label, range, changed, rest, write = written) {
  const input = html("input", {
    type: "range",
    ...range,
    "data-lm-suppress-shortcuts": "true",
    input: () => changed(Number(input.value)),
    change: () => rest(),
  });
  const number = html("span", { class: "cw-number", "aria-hidden": "true" });
  return {
    element: html("label", { class: "cw-slider" }, html("span", {}, label), input, number),
    /** @param {number} value */
    show(value) {
      if (Number(input.value) !== value) input.value = String(value);
      setText(number, write(value));
    },
  };
}

/**
 * @param {string} label
 * @param {() => void} pressed
 */
export function button(label, pressed) {
  const node = html(
    "button",
    {
      type: "button",
      class: "cw-button",
      "data-lm-suppress-shortcuts": "true",
      click: () => {
        if (node.getAttribute("aria-disabled") !== "true") pressed();
      },
    },
    label,
  );
  return node;
}

/**
 * Let a button be pressed, or not. Never by `disabled`: a button that can no longer be pressed, because it has just been
 * pressed to the end, would lose the keys to the page.
 * @param {HTMLButtonElement} node
 * @param {boolean} isAllowed
 */
export function allow(node, isAllowed) {
  setAttributes(node, { "aria-disabled": String(!isAllowed) });
}

/**
 * A titled part of the picture.
 * @param {string} title
 * @param {string} formula
 * @param {...Node} content
 */
export function panel(title, formula, ...content) {
  const subtitle = html("div", { class: "cw-formula" }, formula);
  return {
    element: html(
      "section",
      { class: "cw-panel", "aria-label": title },
      html("div", { class: "cw-title" }, title),
      subtitle,
      ...content,
    ),
    subtitle,
  };
}
