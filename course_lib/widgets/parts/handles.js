// The tips of vectors, in the hand and under the keys.
import { setAttributes, spoken, svg } from "./elements.js";

/** @typedef {import("./arrows.js").Kind} Kind */

/**
 * What a handle stands on: a plane, or bars.
 * @typedef {object} Ground
 * @property {number} edge how far a handle goes
 * @property {(at: readonly number[]) => [number, number]} place from numbers to pixels
 * @property {(clientX: number, clientY: number) => [number, number]} numbers from a place on the screen to numbers
 */

/**
 * @typedef {object} HandleOptions
 * @property {string} label
 * @property {Kind} kind
 * @property {string} help id of the text that explains the keys
 * @property {() => readonly number[]} get
 * @property {(x: number, y: number) => void} set called for every movement
 * @property {() => readonly number[]} start where Escape leads back to
 * @property {() => void} rest called when the hand lets go
 * @property {() => void} [chosen] called when it is grabbed or moved by a key
 * @property {(x: number, y: number) => readonly [number, number]} [guide] where it goes instead, for a hand that may not move it freely
 * @property {(key: string, coarse: boolean) => readonly number[] | null} [step] where a key leads; null = as usual
 */

/**
 * The tip of a vector, to be dragged by mouse, finger or pen, or moved by keys.
 */
export class Handle {
  /**
   * @param {Ground} plane
   * @param {HandleOptions} options
   */
  constructor(plane, options) {
    this.plane = plane;
    this.options = options;
    /** @type {[number, number] | null} from the pointer to the tip, so that the tip does not jump when grabbed */
    this.grip = null;
    this.rings = [
      svg("circle", { class: "cw-reach", r: 15 }),
      svg("circle", { class: "cw-ring", r: 10 }),
      svg("circle", { class: "cw-dot", r: 4 }),
    ];
    this.element = svg(
      "g",
      {
        class: `cw-handle cw-${options.kind}`,
        tabindex: 0,
        role: "slider",
        "aria-label": options.label,
        "aria-roledescription": "vector",
        "aria-describedby": options.help,
        "data-lm-suppress-shortcuts": "true",
        keydown: (event) => this.press(event),
        pointerdown: (event) => this.grab(event),
        pointermove: (event) => this.drag(event),
        pointerup: () => this.release(),
        pointercancel: () => this.release(),
        lostpointercapture: () => this.release(),
      },
      ...this.rings,
    );
  }

  /**
   * Put it at a place. Not by a transform: where one of those changes, the browser sorts the layers of the whole page anew.
   * @param {readonly [number, number]} place in pixels
   */
  put([x, y]) {
    for (const ring of this.rings) setAttributes(ring, { cx: x.toFixed(1), cy: y.toFixed(1) });
  }

  /** Put it where its vector is, and tell assistive technology. */
  draw() {
    const vector = this.options.get();
    this.put(this.plane.place(vector));
    setAttributes(this.element, {
      "aria-valuemin": -this.plane.edge,
      "aria-valuemax": this.plane.edge,
      "aria-valuenow": vector[0],
      "aria-valuetext": `x ${spoken(vector[0])}, y ${spoken(vector[1])}`,
    });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  moveTo(x, y) {
    const inside = (/** @type {number} */ number) =>
      Math.round(100 * Math.min(Math.max(number, -this.plane.edge), this.plane.edge)) / 100;
    const [wantedX, wantedY] = [inside(x), inside(y)];
    this.options.set(...(this.options.guide?.(wantedX, wantedY) ?? /** @type {const} */ ([wantedX, wantedY])));
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const [x, y] = this.options.get();
    const step = event.shiftKey ? 0.5 : 0.1;
    const { edge } = this.plane;
    /** @type {Record<string, readonly number[]>} */
    const moves = {
      ArrowLeft: [x - step, y],
      ArrowRight: [x + step, y],
      ArrowUp: [x, y + step],
      ArrowDown: [x, y - step],
      Home: [-edge, y],
      End: [edge, y],
      PageUp: [x, edge],
      PageDown: [x, -edge],
    };
    const led = this.options.step?.(event.key, event.shiftKey);
    const target = led ?? moves[event.key];
    if (target === undefined && event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.options.chosen?.();
    if (led) this.options.set(led[0], led[1]);
    else if (target !== undefined) this.moveTo(target[0], target[1]);
    else this.options.set(this.options.start()[0], this.options.start()[1]); // exactly, not rounded
    this.options.rest();
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no text selection, and the focus is set by us
    this.element.focus({ preventScroll: true });
    this.element.setPointerCapture(event.pointerId);
    const [x, y] = this.options.get();
    const [atX, atY] = this.plane.numbers(event.clientX, event.clientY);
    this.grip = [x - atX, y - atY];
    this.element.classList.add("cw-held");
    this.options.chosen?.();
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.grip === null) return;
    const [x, y] = this.plane.numbers(event.clientX, event.clientY);
    this.moveTo(x + this.grip[0], y + this.grip[1]);
  }

  release() {
    if (this.grip === null) return;
    this.grip = null;
    this.element.classList.remove("cw-held");
    this.options.rest();
  }
}

/**
 * A handle for a vector that two traits hold.
 * @param {Ground} plane
 * @param {import("./timing.js").Model} model
 * @param {import("./scene.js").Changes} changes
 * @param {readonly string[]} names of the traits of x and y
 * @param {Pick<HandleOptions, "label" | "kind" | "help"> & Partial<HandleOptions>} options
 */
export function traitHandle(plane, model, changes, names, options) {
  return new Handle(plane, {
    get: () => names.map((name) => model.get(name)),
    set: (x, y) => changes.set({ [names[0]]: x, [names[1]]: y }),
    start: () => names.map((name) => model.get("start")[name] ?? model.get(name)),
    rest: changes.rest,
    ...options,
  });
}

export const KEY_HELP =
  "Arrow keys move by 0.1, with Shift by 0.5. Home and End go to the left and right edge, Page Up and Page Down to the " +
  "top and bottom. Escape goes back to the start.";
