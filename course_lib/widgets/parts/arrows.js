// Arrows from the origin, and names beside their tips.
import { setAttributes, setText, svg } from "./elements.js";
import { point } from "./plane.js";

/** @typedef {import("./plane.js").Plane} Plane */

/** @typedef {"x" | "query" | "key" | "value" | "output"} Kind */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */

const HEADS = { x: 9, query: 10, key: 10, value: 0, output: 14 };

/**
 * An arrow from the origin. Kinds differ by line and tip, not by colour alone: a query is solid with a full head, a key
 * dashed with an open head, a value thin with a square, an output thick.
 */
export class Arrow {
  /** @param {Kind} kind */
  constructor(kind) {
    this.kind = kind;
    this.shaft = svg("path", { class: "cw-shaft" });
    this.head = svg("path", { class: "cw-head" });
    this.element = svg("g", { class: `cw-arrow cw-${kind}` }, this.shaft, this.head);
  }

  /**
   * @param {readonly [number, number]} from in pixels
   * @param {readonly [number, number]} to in pixels
   */
  move(from, to) {
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    const length = Math.hypot(dx, dy);
    const size = Math.min(HEADS[this.kind], length);
    const [ux, uy] = length === 0 ? [0, 0] : [dx / length, dy / length];
    const back = this.kind === "key" ? 0 : 0.8 * size; // a full head covers the end of the shaft
    setAttributes(this.shaft, {
      d: `M${point(from[0], from[1])}L${point(to[0] - ux * back, to[1] - uy * back)}`,
    });
    setAttributes(this.head, { d: this.headPath(to, ux, uy, size) });
  }

  /**
   * @param {readonly [number, number]} tip
   * @param {number} ux
   * @param {number} uy
   * @param {number} size
   */
  headPath(tip, ux, uy, size) {
    if (this.kind === "value") return `M${point(tip[0] - 4, tip[1] - 4)}h8v8h-8Z`;
    const [left, right] = [1, -1].map((side) =>
      point(tip[0] - ux * size + side * uy * size * 0.45, tip[1] - uy * size - side * ux * size * 0.45),
    );
    return `M${left}L${point(tip[0], tip[1])}L${right}${this.kind === "key" ? "" : "Z"}`;
  }
}

/**
 * A name beside the tip of an arrow.
 */
export class Label {
  /** @param {string} className */
  constructor(className) {
    this.element = svg("text", { class: `cw-label ${className}` });
    this.text = "";
    /** @type {readonly [number, number]} */
    this.tip = [0, 0];
    this.turn = 0;
  }

  /**
   * @param {string} text
   * @param {readonly [number, number]} tip in pixels
   */
  set(text, tip) {
    this.tip = tip;
    this.text = text;
    setText(this.element, text);
  }
}

const LABEL_HEIGHT = 14;
const ruler = typeof document === "undefined" ? null : document.createElement("canvas").getContext("2d");
/** @type {Map<string, Map<string, number>>} widths of texts, by font */
const widths = new Map();
const MOST_WIDTHS = 5000;

/**
 * The width of a label in pixels, measured beside the page: asking the page would make it lay itself out every frame.
 * @param {string} text
 * @param {string} family
 */
function textWidth(text, family) {
  if (ruler === null) return 7 * text.length;
  let known = widths.get(family);
  if (known === undefined || known.size > MOST_WIDTHS) widths.set(family, (known = new Map()));
  let width = known.get(text);
  if (width === undefined) {
    ruler.font = `600 12px ${family}`;
    width = ruler.measureText(text).width;
    known.set(text, width);
  }
  return width;
}

const TURNS = [0, 0.6, -0.6, 1.2, -1.2, 1.9, -1.9, 2.6, -2.6];
const AWAY = [11, 26, 41]; // pixels from the tip: farther only where vectors have come together
const CROWDED = 150; // a cost above which it is looked for room farther away

/**
 * Put every label beside its tip, beyond the arrow where there is room, else turned aside, else a little farther away;
 * first come, first served. A label stays on the side where it is unless another is clearly better, so that it does not
 * flicker in a drag.
 * @param {readonly Label[]} labels
 * @param {Plane} plane
 * @param {readonly (readonly [number, number])[]} tips what labels must not cover, in pixels
 * @param {readonly Box[]} texts other texts that they must not cover
 */
export function placeLabels(labels, plane, tips, texts = []) {
  /** @type {Box[]} */
  const taken = tips.map(([x, y]) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }));
  taken.push(...texts);
  for (const label of labels) {
    const width = textWidth(label.text, plane.family) + 4;
    let best = { cost: Infinity, box: taken[0], turn: 0 };
    for (const away of AWAY) {
      if (best.cost < CROWDED) break;
      for (const turn of TURNS) {
        const box = boxBeside(label, plane, width, turn, away);
        let cost = 4 * (away - AWAY[0]) + 25 * Math.abs(turn) - (turn === label.turn ? 30 : 0);
        cost += outside(box, plane.size);
        for (const other of taken) cost += 4 * overlap(box, other);
        for (const number of plane.numbered) cost += overlap(box, number) / 2;
        if (cost < best.cost) best = { cost, box, turn };
      }
    }
    label.turn = best.turn;
    taken.push(best.box);
    const x = Math.min(Math.max(best.box.x, 1), Math.max(1, plane.size - best.box.width - 1));
    const y = Math.min(Math.max(best.box.y, 1), plane.size - LABEL_HEIGHT - 1);
    setAttributes(label.element, { x: x.toFixed(1), y: (y + 11).toFixed(1) });
  }
}

/**
 * @param {Label} label
 * @param {Plane} plane
 * @param {number} width
 * @param {number} turn
 * @param {number} away
 * @returns {Box}
 */
function boxBeside(label, plane, width, turn, away) {
  const [x, y] = label.tip;
  const [dx, dy] = [x - plane.size / 2, y - plane.size / 2];
  const angle = (dx === 0 && dy === 0 ? -0.8 : Math.atan2(dy, dx)) + turn;
  const centreX = x + Math.cos(angle) * (away + width / 2);
  const centreY = y + Math.sin(angle) * (away + LABEL_HEIGHT / 2);
  return { x: centreX - width / 2, y: centreY - LABEL_HEIGHT / 2, width, height: LABEL_HEIGHT };
}

/**
 * @param {Box} first
 * @param {Box} second
 */
function overlap(first, second) {
  const width = Math.min(first.x + first.width, second.x + second.width) - Math.max(first.x, second.x);
  const height = Math.min(first.y + first.height, second.y + second.height) - Math.max(first.y, second.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/**
 * @param {Box} box
 * @param {number} size
 */
function outside(box, size) {
  const over = Math.max(0, -box.x) + Math.max(0, -box.y);
  return 30 * (over + Math.max(0, box.x + box.width - size) + Math.max(0, box.y + box.height - size));
}
