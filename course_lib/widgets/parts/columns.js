// Upright bars over one axis, to look at or to drag by their ends.
import { ground, setAttributes, setText, shortened, spoken, svg, written } from "./elements.js";
import { Handle } from "./handles.js";
import { point } from "./plane.js";

const LEFT = 30; // pixels for the numbers of the axis
const TOP = 26; // for the number above the highest bar
const BELOW_ZERO = 18; // for the number below the lowest bar, where bars can point down
const NAMES = 22; // for the names
const LETTER = 7; // the width of a letter, about

/** A row of upright bars, each with its number at its end and its name below. */
export class Columns {
  /**
   * @param {readonly string[]} names
   * @param {string} label
   * @param {string} className
   * @param {() => void} resized called when it has a new size and must be drawn again
   */
  constructor(names, label, className, resized) {
    this.names = names;
    this.width = 280;
    this.height = 230;
    this.edge = 1;
    this.low = 0;
    this.high = 1;
    this.drawnFor = "";
    this.axis = svg("g", { class: "cw-grid", "aria-hidden": "true" });
    this.zero = svg("path", { class: "cw-axis", "aria-hidden": "true" });
    this.bars = names.map(() => svg("rect", { class: "cw-column", rx: 1.5 }));
    this.figures = names.map(() => svg("text", { class: "cw-column-number", "text-anchor": "middle" }));
    this.labels = names.map(() => svg("text", { class: "cw-column-name", "text-anchor": "middle" }));
    this.handles = svg("g");
    this.element = svg(
      "svg",
      { class: `cw-columns ${className}`, role: "group", "aria-label": label, height: this.height },
      ground(),
      this.axis,
      svg("g", { "aria-hidden": "true" }, ...this.bars, ...this.labels, ...this.figures),
      this.zero,
      this.handles,
    );
    this.observer = new ResizeObserver((entries) => {
      const width = Math.round(entries[0].contentRect.width);
      if (width === 0 || width === this.width) return;
      this.width = width;
      resized();
    });
    this.observer.observe(this.element);
  }

  stop() {
    this.observer.disconnect();
  }

  /** The width of one bar and of the room around it, in pixels. */
  get slot() {
    return (this.width - LEFT) / this.names.length;
  }

  /** Where the axis ends below, in pixels. */
  get floor() {
    return this.height - NAMES - (this.low < 0 ? BELOW_ZERO : 0);
  }

  /** The pixels of a step of 1. */
  get unit() {
    return (this.floor - TOP) / (this.high - this.low);
  }

  /**
   * From a bar's place in the row and a number to pixels.
   * @param {readonly number[]} at
   * @returns {[number, number]}
   */
  place(at) {
    return [LEFT + (at[0] + 0.5) * this.slot, TOP + (this.high - at[1]) * this.unit];
  }

  /**
   * From a place on the screen to the axis; which bar is meant, a handle knows.
   * @param {number} _clientX
   * @param {number} clientY
   * @returns {[number, number]}
   */
  numbers(_clientX, clientY) {
    const frame = this.element.getBoundingClientRect();
    return [0, this.high - (((clientY - frame.top) * this.height) / (frame.height || 1) - TOP) / this.unit];
  }

  /**
   * Show numbers from `low` to `high`; what does not move with the bars is drawn anew where these or the size changed.
   * @param {number} low 0 or below
   * @param {number} high
   */
  frame(low, high) {
    const drawnFor = `${this.width} ${low} ${high}`;
    if (this.drawnFor === drawnFor) return;
    this.drawnFor = drawnFor;
    [this.low, this.high, this.edge] = [low, high, Math.max(-low, high)];
    setAttributes(this.element, { viewBox: `0 0 ${this.width} ${this.height}` });
    const lines = [];
    const numbers = [];
    const step = high / 2;
    for (let mark = Math.ceil(low / step) * step; mark <= high; mark += step) {
      const y = this.place([0, mark])[1];
      if (mark !== 0) lines.push(`M${point(LEFT, y)}H${this.width}`);
      const digits = Number.isInteger(mark) ? 0 : Number.isInteger(10 * mark) ? 1 : 2;
      numbers.push(svg("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, written(mark, digits)));
    }
    this.axis.replaceChildren(svg("path", { class: "cw-gridline", d: lines.join("") }), ...numbers);
    setAttributes(this.zero, { d: `M${point(LEFT, this.place([0, 0])[1])}H${this.width}` });
    this.element.classList.toggle("cw-tight", this.slot < 34);
    const letters = Math.max(2, Math.floor(this.slot / LETTER));
    this.labels.forEach((label, index) => {
      setText(label, shortened(this.names[index], letters));
      setAttributes(label, { x: this.place([index, 0])[0].toFixed(1), y: this.height - 6 });
    });
  }

  /**
   * @param {number} index
   * @param {number} number what is not finite fills the axis
   * @param {string} text the number as it is written at the bar's end
   */
  draw(index, number, text) {
    const [x, end] = this.place([index, Math.min(Math.max(number, this.low), this.high)]);
    const zero = this.place([index, 0])[1];
    const width = Math.min(0.62 * this.slot, 46);
    setAttributes(this.bars[index], {
      x: (x - width / 2).toFixed(1),
      y: Math.min(end, zero).toFixed(1),
      width: width.toFixed(1),
      height: Math.abs(end - zero).toFixed(1),
    });
    this.bars[index].classList.toggle("cw-negative", number < 0);
    setText(this.figures[index], text);
    // Clear of the ring around the end, which is there when the end is in the hand.
    setAttributes(this.figures[index], { x: x.toFixed(1), y: (number < 0 ? end + 20 : end - 13).toFixed(1) });
  }
}

/**
 * @typedef {object} EndOptions
 * @property {string} label
 * @property {string} help id of the text that explains the keys
 * @property {readonly [number, number]} steps of an arrow key, alone and with Shift
 * @property {() => number} get
 * @property {(number: number) => void} set called for every movement
 * @property {() => number} start where Escape leads back to
 * @property {() => void} rest called when the hand lets go
 */

/** The end of a bar, to be dragged up and down by mouse, finger or pen, or moved by keys. */
export class ColumnEnd extends Handle {
  /**
   * @param {Columns} columns
   * @param {number} index
   * @param {EndOptions} options
   */
  constructor(columns, index, options) {
    const { get, set, start, steps } = options;
    const within = (/** @type {number} */ number) => Math.min(Math.max(number, columns.low), columns.high);
    super(columns, {
      label: options.label,
      help: options.help,
      rest: options.rest,
      kind: "x",
      get: () => [index, get()],
      set: (_, number) => set(number),
      start: () => [index, start()],
      guide: (_, number) => [index, within(number)],
      step(key, coarse) {
        const step = steps[coarse ? 1 : 0];
        /** @type {Record<string, number>} */
        const moves = {
          ArrowUp: get() + step,
          ArrowRight: get() + step,
          ArrowDown: get() - step,
          ArrowLeft: get() - step,
          PageUp: get() + steps[1],
          PageDown: get() - steps[1],
          Home: columns.low,
          End: columns.high,
        };
        return moves[key] === undefined ? null : [index, within(moves[key])];
      },
    });
    this.columns = columns;
    this.index = index;
    setAttributes(this.element, { "aria-roledescription": "bar", "aria-orientation": "vertical" });
  }

  /** Put it at the end of its bar, and tell assistive technology. */
  draw() {
    const number = this.options.get()[1];
    this.put(this.columns.place([this.index, number]));
    setAttributes(this.element, {
      "aria-valuemin": this.columns.low,
      "aria-valuemax": this.columns.high,
      "aria-valuenow": number,
      "aria-valuetext": spoken(number),
    });
  }
}

/**
 * How the keys move the ends of bars, for those who cannot see it.
 * @param {readonly [number, number]} steps
 */
export function endHelp(steps) {
  return (
    `Arrow keys move by ${written(steps[0])}, with Shift by ${written(steps[1])}. ` +
    "Home and End go to the lowest and the highest. Escape goes back to the start."
  );
}
