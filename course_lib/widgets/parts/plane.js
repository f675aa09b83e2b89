// A square of the plane with grid, axes and numbers.
import { ground, setAttributes, svg, written } from "./elements.js";

const MARGIN = 12; // pixels between the outermost grid line and the edge of the plane
const [NUMBER_WIDTH, NUMBER_HEIGHT] = [6.5, 12]; // of a figure on the axes

/**
 * A square of the plane with grid, axes and numbers; one unit of its drawing is one pixel of the page.
 */
export class Plane {
  /**
   * @param {string} label
   * @param {() => void} resized called when it has a new size and must be drawn again
   */
  constructor(label, resized) {
    this.size = 260;
    this.extent = 3; // where the grid ends
    this.edge = 3; // how far a handle goes
    this.drawnFor = "";
    this.family = "sans-serif";
    /** @type {import("./arrows.js").Box[]} */
    this.numbered = []; // where the axes' numbers stand, which labels had better not run into
    this.grid = svg("g", { class: "cw-grid", "aria-hidden": "true" });
    this.below = svg("g", { "aria-hidden": "true" });
    this.arrows = svg("g", { "aria-hidden": "true" });
    this.handles = svg("g");
    this.labels = svg("g", { class: "cw-labels", "aria-hidden": "true" });
    this.element = svg(
      "svg",
      { class: "cw-plane", role: "group", "aria-label": label },
      ground(),
      this.grid,
      this.below,
      this.arrows,
      this.labels,
      this.handles,
    );
    this.observer = new ResizeObserver((entries) => {
      const width = Math.round(entries[0].contentRect.width);
      if (width === 0 || width === this.size) return;
      this.size = width;
      resized();
    });
    this.observer.observe(this.element);
  }

  stop() {
    this.observer.disconnect();
  }

  get unit() {
    return (this.size / 2 - MARGIN) / this.extent;
  }

  /**
   * From the plane's numbers to pixels.
   * @param {readonly number[]} vector
   * @returns {[number, number]}
   */
  place(vector) {
    return [this.size / 2 + vector[0] * this.unit, this.size / 2 - vector[1] * this.unit];
  }

  /**
   * From a place on the screen to the plane's numbers.
   * @param {number} clientX
   * @param {number} clientY
   * @returns {[number, number]}
   */
  numbers(clientX, clientY) {
    const frame = this.element.getBoundingClientRect();
    const toPixels = this.size / (frame.width || 1);
    return [
      ((clientX - frame.left) * toPixels - this.size / 2) / this.unit,
      (this.size / 2 - (clientY - frame.top) * toPixels) / this.unit,
    ];
  }

  /**
   * Show numbers up to `extent`, and draw the grid anew where that or the size has changed.
   * @param {number} extent
   */
  frame(extent) {
    this.extent = extent;
    this.edge = extent;
    const drawnFor = `${this.size} ${extent}`;
    if (this.drawnFor === drawnFor) return;
    this.drawnFor = drawnFor;
    this.family = getComputedStyle(this.element).fontFamily || "sans-serif";
    setAttributes(this.element, { viewBox: `0 0 ${this.size} ${this.size}` });
    const step = gridStep(extent);
    const [low, high] = [MARGIN, this.size - MARGIN];
    const middle = this.size / 2;
    let lines = "";
    const numbers = [];
    this.numbered = [];
    for (let line = -Math.floor(extent / step); line * step <= extent; line += 1) {
      const [x, y] = this.place([line * step, line * step]);
      if (line === 0) continue;
      lines += `M${x} ${low}V${high}M${low} ${y}H${high}`;
      if (this.unit * step < 30 && line % 2 !== 0) continue;
      numbers.push(
        svg("text", { x, y: middle + 12, "text-anchor": "middle" }, written(line * step, 0)),
        svg("text", { x: middle - 5, y: y + 4, "text-anchor": "end" }, written(line * step, 0)),
      );
      const width = NUMBER_WIDTH * written(line * step, 0).length + 6; // with a little air on both sides
      this.numbered.push(
        { x: x - width / 2, y: middle + 3, width, height: NUMBER_HEIGHT },
        { x: middle - 2 - width, y: y - 5, width, height: NUMBER_HEIGHT },
      );
    }
    this.grid.replaceChildren(
      svg("path", { class: "cw-gridline", d: lines }),
      svg("path", { class: "cw-axis", d: `M${middle} ${low}V${high}M${low} ${middle}H${high}` }),
      ...numbers,
    );
  }
}

/** @param {number} extent */
function gridStep(extent) {
  const fine = [1, 2, 5, 10, 20, 50, 100];
  return fine.find((step) => extent / step <= 4.5) ?? fine[fine.length - 1];
}

/**
 * The smallest round reach that shows `largest`.
 * @param {number} largest
 * @param {number} [least]
 */
export function roundExtent(largest, least = 3) {
  const power = 10 ** Math.floor(Math.log10(Math.max(largest, least)));
  const steps = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power);
  return steps.find((step) => step >= largest && step >= least) ?? 10 * power;
}

/**
 * @param {number} x
 * @param {number} y
 */
export function point(x, y) {
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
