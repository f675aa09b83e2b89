// A whole widget: built once, drawn at most once a frame, and never a blank.
import { html } from "./elements.js";
import { watchTheme } from "./theme.js";
import { painter } from "./timing.js";

/** @typedef {import("./timing.js").Model} Model */

/**
 * ipywidgets gives the handle of a FloatSlider no accessible name; lend it the words of the label beside it.
 * @returns {() => void} stops looking
 */
function nameSliders() {
  const look = () => {
    for (const handle of document.querySelectorAll(".widget-slider .noUi-handle:not([aria-label])")) {
      const label = handle.closest(".widget-slider")?.querySelector(".widget-label")?.textContent;
      if (label) handle.setAttribute("aria-label", label);
    }
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const observer = new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(look, 200);
  });
  observer.observe(document.body, { childList: true, subtree: true });
  look();
  return () => {
    clearTimeout(timer);
    observer.disconnect();
  };
}

/**
 * Run a widget in `el`: `build` makes its elements once, `draw` brings them up to date, at most once a frame.
 * A failure shows a sentence in place of the picture, never a blank.
 * @param {Model} model
 * @param {HTMLElement} el
 * @param {(root: HTMLElement, request: () => void) => {draw: () => void, stop: () => void}} build
 * @returns {() => void} clean-up
 */
export function run(model, el, build) {
  el.classList.add("cw-host");
  const root = html("div", { class: "cw-root" });
  el.append(root);
  /** @type {{draw: () => void, stop: () => void} | null} */
  let widget = null;
  const guard = (/** @type {() => void} */ action) => {
    try {
      action();
    } catch (error) {
      console.error(error);
      root.replaceChildren(html("p", { role: "alert" }, `This picture cannot be drawn: ${error}`));
    }
  };
  const frames = painter(() => guard(() => widget?.draw()));
  const enlarge = () => root.toggleAttribute("data-projector", Boolean(model.get("projector")));
  enlarge();
  model.on("change:projector", enlarge);
  const stopTheme = watchTheme(root, frames.request);
  const stopNames = nameSliders();
  guard(() => {
    widget = build(root, frames.request);
    widget.draw();
  });
  model.on("change", frames.request);
  return () => {
    model.off("change", frames.request);
    model.off("change:projector", enlarge);
    frames.stop();
    stopTheme();
    stopNames();
    widget?.stop();
  };
}

/**
 * Read a vector from its scalar traits: scores_0, scores_1, ...
 * @param {Model} model
 * @param {string} name
 * @param {number} length
 * @returns {number[]}
 */
export function readVector(model, name, length) {
  return Array.from({ length }, (_, place) => model.get(`${name}_${place}`));
}

/**
 * Read an array from its scalar traits: query_0_x, query_0_y, query_1_x, ...
 * @param {Model} model
 * @param {string} name
 * @param {number} nRows
 * @param {readonly string[]} columns
 * @returns {number[][]}
 */
export function readArray(model, name, nRows, columns = ["x", "y"]) {
  return Array.from({ length: nRows }, (_, row) => columns.map((column) => model.get(`${name}_${row}_${column}`)));
}
