// A page of its own: pictures that move without a kernel and without JupyterLab, from the state that Python wrote down.
import { slider } from "./parts/controls.js";
import { html, setText, written } from "./parts/elements.js";
import { watchTheme } from "./parts/theme.js";

/** @typedef {import("./parts/timing.js").Model} Model */
/** @typedef {Record<string, any>} TraitValues */
/** @typedef {{model: Model, el: HTMLElement}} Context */
/** @typedef {{initialize?: (context: {model: Model}) => unknown, render: (context: Context) => unknown}} FrontEnd */
/**
 * What Python writes down: the state of every model by id, and in the order of the page, which of them are shown. Where
 * `front` is empty, only sliders are shown there.
 * @typedef {object} PageState
 * @property {Record<string, TraitValues>} models
 * @property {{front: string, model: string, sliders: string[]}[]} shown
 */

/**
 * What widgets use of anywidget's model; there is no kernel to tell.
 * @implements {Model}
 */
class PageModel {
  /**
   * @param {TraitValues} state
   * @param {(id: string) => Promise<Model>} find
   */
  constructor(state, find) {
    this.state = { ...state };
    /** @type {Map<string, Set<(...given: any[]) => void>>} */
    this.listeners = new Map();
    this.widget_manager = { get_model: find };
  }

  /** @param {string} name */
  get(name) {
    return this.state[name];
  }

  /**
   * @param {string} name
   * @param {any} value
   */
  set(name, value) {
    if (same(this.state[name], value)) return;
    this.state[name] = value;
    for (const event of [`change:${name}`, "change"]) {
      for (const listener of [...(this.listeners.get(event) ?? [])]) listener(this, value);
    }
  }

  /**
   * @param {string} events one or several, with spaces between
   * @param {(...given: any[]) => void} listener
   */
  on(events, listener) {
    for (const event of events.split(" ")) {
      this.listeners.set(event, (this.listeners.get(event) ?? new Set()).add(listener));
    }
  }

  /**
   * @param {string} events
   * @param {(...given: any[]) => void} listener
   */
  off(events, listener) {
    for (const event of events.split(" ")) this.listeners.get(event)?.delete(listener);
  }

  save_changes() {}

  send() {}
}

/**
 * @param {any} first
 * @param {any} second
 */
function same(first, second) {
  if (first instanceof DataView || second instanceof DataView) return first === second;
  return Object.is(first, second) || JSON.stringify(first) === JSON.stringify(second);
}

/**
 * Read JSON in which Python wrote bytes as {"$bytes": base64}; front ends get a DataView, as from anywidget.
 * @param {string} text
 * @returns {PageState}
 */
function readPage(text) {
  return JSON.parse(text, (_, value) => {
    if (typeof value?.$bytes !== "string") return value;
    return new DataView(Uint8Array.from(atob(value.$bytes), (letter) => letter.charCodeAt(0)).buffer);
  });
}

/**
 * An ipywidgets slider that came along with its widget, as a slider of the page.
 * @param {Model} model
 */
function pageSlider(model) {
  const range = { min: model.get("min"), max: model.get("max"), step: model.get("step") };
  const decimals = range.step >= 1 ? 0 : 2;
  const made = slider(
    model.get("description"),
    range,
    (number) => model.set("value", number),
    () => {},
    (number) => written(number, decimals),
  );
  const show = () => made.show(model.get("value"));
  model.on("change:value", show);
  show();
  return made.element;
}

/** Let a button change between light and dark; at first the page is as the reader's system is. */
function themeSwitch() {
  const page = document.documentElement;
  const label = html("span");
  const other = () => (page.dataset.theme === "dark" ? "light" : "dark");
  const show = () => setText(label, other() === "dark" ? "Dark page" : "Light page");
  const turn = () => {
    page.dataset.theme = other();
    show();
  };
  page.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  show();
  let before = "light";
  addEventListener("beforeprint", () => {
    before = page.dataset.theme ?? "light";
    page.dataset.theme = "light"; // paper is white
  });
  addEventListener("afterprint", () => {
    page.dataset.theme = before;
  });
  return html("button", { type: "button", class: "page-theme", click: turn }, label);
}

/**
 * Put every widget into its place.
 * @param {Record<string, FrontEnd>} fronts
 */
async function showPage(fronts) {
  const { models: states, shown } = readPage(document.getElementById("page-state")?.textContent ?? "");
  /** @type {Map<string, PageModel>} */
  const models = new Map();
  const find = async (/** @type {string} */ id) => {
    const found = models.get(id);
    if (found === undefined) throw new Error(`This page holds no model ${id}.`);
    return found;
  };
  for (const [id, state] of Object.entries(states)) models.set(id, new PageModel(state, find));
  document.querySelector(".page-head")?.append(themeSwitch());
  const started = new Set();
  for (const [place, { front, model: id, sliders }] of shown.entries()) {
    const el = document.getElementById(`widget-${place}`);
    if (el === null) continue;
    if (front !== "") {
      const model = await find(id);
      if (!started.has(id)) await fronts[front].initialize?.({ model });
      started.add(id);
      await fronts[front].render({ model, el });
    }
    if (sliders.length === 0) continue;
    const root = html("div", { class: "cw-root page-sliders" });
    for (const own of sliders) root.append(pageSlider(await find(own)));
    el.append(root);
    watchTheme(root, () => {});
  }
}

showPage(/** @type {any} */ (globalThis).courseFronts);
