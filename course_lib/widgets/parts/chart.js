// A chart of curves over an axis, its grid, its markers, and a mark that is moved along the axis.
import { ground, setAttributes, setText, svg, written } from "./elements.js";
import { point } from "./plane.js";

/**
 * @typedef {object} Axis
 * @property {number} low
 * @property {number} high
 * @property {boolean} [log] equal ratios are equally far apart
 * @property {readonly (readonly [number, string])[]} ticks
 */
/** @typedef {readonly [number, number]} Place */

/**
 * A frame with grid and numbers; one unit of its drawing is one pixel of the page. What stands in `area` is cut off at
 * the frame.
 */
export class Chart {
  /**
   * @param {string} label
   * @param {{left: number, right: number, height: number, x: string}} look margins in pixels, the name of the x axis
   * @param {() => void} resized called when it has a new size and must be drawn again
   */
  constructor(label, look, resized) {
    this.look = look;
    this.width = 480;
    this.drawnFor = "";
    /** @type {Axis} */
    this.x = { low: 0, high: 1, ticks: [] };
    /** @type {Axis} */
    this.y = { low: 0, high: 1, ticks: [] };
    this.grid = svg("g", { class: "cw-grid", "aria-hidden": "true" });
    this.area = svg("svg", { class: "cw-area", "aria-hidden": "true" }, ground());
    this.above = svg("g");
    this.element = svg(
      "svg",
      {
        class: "cw-chart",
        role: "group",
        "aria-label": label,
        height: look.height,
      },
      ground(),
      this.grid,
      this.area,
      this.above,
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

  get right() {
    return this.width - this.look.right;
  }

  get bottom() {
    return this.look.height - 36;
  }

  get top() {
    return 18;
  }

  /** @param {number} value */
  acrossTo(value) {
    return this.look.left + share(this.x, value) * (this.right - this.look.left);
  }

  /** @param {number} value */
  downTo(value) {
    return this.bottom - share(this.y, value) * (this.bottom - this.top);
  }

  /**
   * The value on the x axis below a place on the screen.
   * @param {number} clientX
   */
  valueAt(clientX) {
    const frame = this.element.getBoundingClientRect();
    const across = ((clientX - frame.left) * this.width) / (frame.width || 1);
    const part = Math.min(Math.max((across - this.look.left) / (this.right - this.look.left), 0), 1);
    if (!this.x.log) return this.x.low + part * (this.x.high - this.x.low);
    return this.x.low * (this.x.high / this.x.low) ** part;
  }

  /**
   * Show these axes; the grid is drawn anew where they or the size have changed.
   * @param {Axis} x
   * @param {Axis} y
   */
  frame(x, y) {
    this.x = x;
    this.y = y;
    const drawnFor = `${this.width} ${[x, y].map((axis) => [axis.low, axis.high, axis.ticks].join(" ")).join(" ")}`;
    if (this.drawnFor === drawnFor) return;
    this.drawnFor = drawnFor;
    const { left, height } = this.look;
    const { right, bottom, top } = this;
    setAttributes(this.element, { viewBox: `0 0 ${this.width} ${height}` });
    const size = {
      x: left - 6,
      y: top - 4,
      width: Math.max(right - left, 1) + 12,
      height: bottom - top + 8,
    }; // room for markers
    setAttributes(this.area, {
      ...size,
      viewBox: `${size.x} ${size.y} ${size.width} ${size.height}`,
    });
    const lines = x.ticks.map(([value]) => `M${this.acrossTo(value).toFixed(1)} ${top}V${bottom}`);
    lines.push(...y.ticks.map(([value]) => `M${left} ${this.downTo(value).toFixed(1)}H${right}`));
    const texts = x.ticks.map(([value, text]) =>
      svg("text", { x: this.acrossTo(value), y: bottom + 14, "text-anchor": "middle" }, text),
    );
    texts.push(
      ...y.ticks.map(([value, text]) =>
        svg("text", { x: left - 6, y: this.downTo(value) + 4, "text-anchor": "end" }, text),
      ),
      svg(
        "text",
        {
          class: "cw-axisname",
          x: (left + right) / 2,
          y: height - 5,
          "text-anchor": "middle",
        },
        this.look.x,
      ),
    );
    this.grid.replaceChildren(
      svg("path", { class: "cw-gridline", d: lines.join("") }),
      svg("path", {
        class: "cw-axis",
        d: `M${left} ${top}V${bottom}H${right}`,
      }),
      ...texts,
    );
  }
}

/**
 * Where a value is on an axis: 0 at its low end, 1 at its high end.
 * @param {Axis} axis
 * @param {number} value
 */
function share({ low, high, log = false }, value) {
  return log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}

/**
 * Round numbers between two ends, about `most` of them at most.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 * @returns {[number, string][]}
 */
export function evenTicks(low, high, most) {
  const power = 10 ** Math.floor(Math.log10((high - low) / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => (high - low) / size <= most) ?? 10 * power;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, place) => {
    const value = (first + place) * step;
    return [value, written(value, decimals)];
  });
}

// Markers, from their middle.
const SHAPES = [
  "m0 -4a4 4 0 1 0 0.01 0z",
  "m-3.5 -3.5h7v7h-7z",
  "m0 -4.5l4.5 8h-9z",
  "m0 -5l5 5l-5 5l-5 -5z",
  "m0 4.5l4.5 -8h-9z",
];

/**
 * A curve with markers. Curves differ by colour, by the dash of the line where `dashed`, and by the shape of the
 * markers, so that nobody needs the colour.
 */
export class Curve {
  /**
   * @param {number} series 0 to 4
   * @param {boolean} [dashed]
   */
  constructor(series, dashed = true) {
    this.line = svg("path", { class: "cw-line" });
    this.beyond = svg("path", { class: "cw-line cw-beyond" });
    this.marks = svg("g", { class: "cw-marks" });
    this.shape = SHAPES[series % SHAPES.length];
    const look = `cw-series cw-series-${series % SHAPES.length}${dashed ? " cw-dashes" : ""}`;
    this.element = svg("g", { class: look }, this.line, this.beyond, this.marks);
  }

  /**
   * @param {readonly Place[]} line in pixels
   * @param {readonly Place[]} marks in pixels
   * @param {readonly (readonly Place[])[]} [beyond] further lines, drawn as not measured
   * @param {(mark: number) => boolean} [isHollow]
   */
  draw(line, marks, beyond = [], isHollow = () => false) {
    setAttributes(this.line, { d: pathThrough(line) });
    setAttributes(this.beyond, { d: beyond.map(pathThrough).join("") });
    while (this.marks.childNodes.length < marks.length) this.marks.append(svg("path"));
    while (this.marks.childNodes.length > marks.length) this.marks.lastChild?.remove();
    marks.forEach((mark, index) => {
      const node = /** @type {Element} */ (this.marks.childNodes[index]);
      setAttributes(node, {
        d: `M${point(...mark)}${this.shape}`,
        class: isHollow(index) ? "cw-hollow" : "",
      });
    });
  }
}

/** @param {readonly Place[]} places */
function pathThrough(places) {
  return places.length === 0 ? "" : `M${places.map(([x, y]) => point(x, y)).join("L")}`;
}

/**
 * How a curve looks, for a legend.
 * @param {number} series
 * @param {boolean} [dashed]
 */
export function sample(series, dashed = true) {
  const curve = new Curve(series, dashed);
  curve.draw(
    [
      [1, 8],
      [39, 8],
    ],
    [[20, 8]],
  );
  return svg("svg", { class: "cw-sample", width: 40, height: 16, "aria-hidden": "true" }, curve.element);
}

/**
 * @typedef {object} MarkOptions
 * @property {string} label
 * @property {string} help id of the text that explains the keys
 * @property {() => number} get
 * @property {(value: number) => void} set called for every movement, with a value of the axis
 * @property {(direction: number, coarse: boolean) => number} step the value a key press away
 * @property {() => number} start where Escape leads back to
 * @property {() => void} rest called when the hand lets go
 * @property {(value: number) => string} text
 * @property {boolean} [copy] the same mark on a second chart: in the hand, but not under the keys a second time
 */

/**
 * A vertical line across a chart, moved along the axis by mouse, finger, pen or keys; a click on the chart calls it.
 */
export class Mark {
  /**
   * @param {Chart} chart
   * @param {MarkOptions} options
   */
  constructor(chart, options) {
    this.chart = chart;
    this.options = options;
    this.held = false;
    this.line = svg("path", { class: "cw-markline" });
    this.tag = svg("text", {
      class: "cw-marktext",
      "text-anchor": "middle",
      "aria-hidden": "true",
    });
    this.knob = svg("path", { class: "cw-knob" });
    this.floor = svg("rect", {
      class: "cw-floor",
      pointerdown: (event) => this.grab(event),
      pointermove: (event) => this.drag(event),
      pointerup: () => this.release(),
      pointercancel: () => this.release(),
      lostpointercapture: () => this.release(),
    });
    const spoken = options.copy
      ? { "aria-hidden": "true" }
      : {
          tabindex: 0,
          role: "slider",
          "aria-label": options.label,
          "aria-describedby": options.help,
          "data-lm-suppress-shortcuts": "true",
          keydown: (/** @type {KeyboardEvent} */ event) => this.press(event),
        };
    this.handle = svg("g", { class: "cw-mark", ...spoken }, this.line, this.knob, this.tag);
    chart.above.append(this.floor, this.handle);
  }

  /** Put it where its value is, and tell assistive technology. */
  draw() {
    const value = this.options.get();
    const { bottom, top, look, right } = this.chart;
    const x = this.chart.acrossTo(value);
    setAttributes(this.floor, {
      x: look.left - 8,
      y: top - 14,
      width: Math.max(right - look.left + 16, 1),
      height: bottom - top + 30,
    });
    setAttributes(this.line, { d: `M${x.toFixed(1)} ${top}V${bottom}` });
    setAttributes(this.knob, { d: `M${point(x, bottom)}m-6 0l6 -9l6 9v4h-12z` });
    const text = this.options.text(value);
    setText(this.tag, text);
    const half = 3.6 * text.length;
    setAttributes(this.tag, {
      x: Math.min(Math.max(x, look.left + half), right - half).toFixed(1),
      y: top - 5,
    });
    if (this.options.copy) return;
    setAttributes(this.handle, {
      "aria-valuemin": this.chart.x.low,
      "aria-valuemax": this.chart.x.high,
      "aria-valuenow": value,
      "aria-valuetext": text,
    });
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const { step, start, rest, set } = this.options;
    const { low, high } = this.chart.x;
    /** @type {Record<string, () => number>} */
    const moves = {
      ArrowLeft: () => step(-1, event.shiftKey),
      ArrowDown: () => step(-1, event.shiftKey),
      ArrowRight: () => step(1, event.shiftKey),
      ArrowUp: () => step(1, event.shiftKey),
      PageDown: () => step(-1, true),
      PageUp: () => step(1, true),
      Home: () => low,
      End: () => high,
      Escape: start,
    };
    if (moves[event.key] === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    set(Math.min(Math.max(moves[event.key](), low), high));
    rest();
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (event.button !== 0) return;
    event.preventDefault(); // no text selection, and the focus is set by us
    if (!this.options.copy) this.handle.focus({ preventScroll: true });
    this.floor.setPointerCapture(event.pointerId);
    this.held = true;
    this.drag(event);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (this.held) this.options.set(this.chart.valueAt(event.clientX));
  }

  release() {
    if (!this.held) return;
    this.held = false;
    this.options.rest();
  }
}

export const MARK_HELP =
  "Arrow keys move the mark, with Shift or Page Up and Page Down in larger steps. Home and End go to the ends of the " +
  "axis. Escape goes back to the start.";
