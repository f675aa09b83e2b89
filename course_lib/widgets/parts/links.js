// Sliders of ipywidgets that move a picture without asking the kernel.
import { kernelSync } from "./timing.js";

/** @typedef {import("./timing.js").Model} Model */

/**
 * A number that the picture computes from its traits, which a slider can move as if it were a trait.
 * @typedef {{traits: readonly string[], get: () => number, set: (number: number) => void}} Derived
 */

/**
 * Find another widget's model by its id; on a page that is still loading it may come a little later.
 * @param {Model} model
 * @param {string} id
 * @returns {Promise<Model | null>}
 */
async function findModel(model, id) {
  for (let attempt = 0; attempt < 40; attempt += 1) {
    try {
      return await /** @type {any} */ (model).widget_manager.get_model(id);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
  return null;
}

/**
 * Let a slider tell the kernel of its moves as seldom as a picture does. ipywidgets would send every one of them, sixty a
 * second, and each comes back as two messages on what the kernel is doing, for which the page has to be drawn, too.
 * @param {Model} slider
 */
function calm(slider) {
  const sync = kernelSync({ save_changes: slider.save_changes.bind(slider) });
  slider.save_changes = sync.touch;
}

/**
 * Move a number of the picture with an ipywidgets slider, and the slider with the picture, without asking the kernel.
 *
 * A slider rounds what it is given to its own steps and writes the rounded number back. jslink would carry that into
 * the picture's state: showing a slider would change 0.7071 to 0.71. Here a slider speaks only where it was really moved.
 * @param {Model} model
 * @param {Model} slider
 * @param {Derived} number
 * @param {() => void} changed
 */
function linkSlider(model, slider, number, changed) {
  const differ = () => Math.abs(slider.get("value") - number.get()) > 0.501 * slider.get("step");
  calm(slider);
  const fromSlider = () => {
    if (!differ()) return;
    number.set(slider.get("value"));
    changed();
  };
  const toSlider = () => {
    if (!differ()) return;
    slider.set("value", number.get());
    slider.save_changes();
  };
  slider.on("change:value", fromSlider);
  for (const trait of number.traits) model.on(`change:${trait}`, toSlider);
}

/**
 * A trait as a slider moves it.
 * @param {Model} model
 * @param {string} trait
 * @returns {Derived}
 */
function ownNumber(model, trait) {
  return { traits: [trait], get: () => model.get(trait), set: (number) => model.set(trait, number) };
}

/**
 * Keep the sliders that Python names in the trait `links`, as [model id, trait], linked to the picture.
 * @param {Model} model
 * @param {Record<string, Derived>} [derived] by name, what may stand in place of a trait
 */
export function linkSliders(model, derived = {}) {
  const sync = kernelSync(model);
  const known = new Set();
  const connect = () => {
    for (const [reference, trait] of model.get("links")) {
      if (known.has(reference)) continue;
      known.add(reference);
      findModel(model, reference.replace("IPY_MODEL_", "")).then((slider) => {
        if (slider !== null) linkSlider(model, slider, derived[trait] ?? ownNumber(model, trait), sync.touch);
      });
    }
  };
  model.on("change:links", connect);
  connect();
}
