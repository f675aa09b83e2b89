// A board of cells with names on two sides, walked and worked by keys as a grid.
import { html, setAttributes, shortened } from "./elements.js";

/**
 * What a grid tells when a cell is walked to, worked (click, Enter, space), or under the pointer (null = no longer).
 * @typedef {object} GridOptions
 * @property {string} help id of the text that explains the keys
 * @property {(row: number, column: number) => void} select
 * @property {(row: number, column: number) => void} act
 * @property {(cell: readonly [number, number] | null) => void} hover
 */

/**
 * A table of cells. With options it is a grid: one tab stop, arrow keys walk, Enter and space act on a cell.
 */
export class Grid {
  /**
   * @param {readonly string[]} rows
   * @param {readonly string[]} columns
   * @param {string} caption
   * @param {GridOptions | null} [options]
   * @param {string | null} [last] heading of a last column, for sums
   */
  constructor(rows, columns, caption, options = null, last = null) {
    this.options = options;
    this.size = [rows.length, columns.length];
    /** @type {Record<string, string | number>} */
    const cell = options === null ? {} : { role: "gridcell", tabindex: -1, "data-lm-suppress-shortcuts": "true" };
    this.cells = rows.map(() => columns.map(() => html("td", cell)));
    this.sums = last === null ? [] : rows.map(() => html("td", { class: "cw-sum" }));
    const heads = columns.map((name) =>
      html("th", { scope: "col", title: `key ${name}` }, html("span", {}, shortened(name, 7))),
    );
    if (last !== null) heads.push(html("th", { scope: "col" }, html("span", {}, last)));
    const corner = html("th", { scope: "col", class: "cw-corner" }, "q \\ k");
    const lines = rows.map((name, row) =>
      html(
        "tr",
        {},
        html("th", { scope: "row", title: `query ${name}` }, shortened(name, 7)),
        ...this.cells[row],
        ...this.sums.slice(row, row + 1),
      ),
    );
    /** @type {Record<string, string>} */
    const attributes = options === null ? {} : { role: "grid", "aria-describedby": options.help };
    this.element = html(
      "table",
      { class: "cw-matrix cw-board", ...attributes },
      html("caption", { class: "cw-unseen" }, caption),
      html("thead", {}, html("tr", {}, corner, ...heads)),
      html("tbody", {}, ...lines),
    );
    if (options !== null) this.listen(options);
  }

  /** @param {GridOptions} options */
  listen(options) {
    const over = (/** @type {(row: number, column: number) => void} */ heard) => (/** @type {Event} */ event) => {
      const place = this.find(event.target);
      if (place !== null) heard(...place);
    };
    const { element } = this;
    element.addEventListener(
      "click",
      over((row, column) => {
        options.select(row, column);
        options.act(row, column);
        this.cells[row][column].focus({ preventScroll: true });
      }),
    );
    element.addEventListener(
      "focusin",
      over((row, column) => options.select(row, column)),
    );
    element.addEventListener("pointerover", (event) => options.hover(this.find(event.target)));
    element.addEventListener("pointerleave", () => options.hover(null));
    element.addEventListener("keydown", (event) => this.press(event, options));
  }

  /**
   * The row and column of the cell that something of the page is in.
   * @param {EventTarget | null} target
   * @returns {[number, number] | null}
   */
  find(target) {
    const cell = target instanceof Element ? target.closest("td") : null;
    const row = this.cells.findIndex((cells) => cells.some((other) => other === cell));
    return row < 0 ? null : [row, this.cells[row].findIndex((other) => other === cell)];
  }

  /**
   * @param {KeyboardEvent} event
   * @param {GridOptions} options
   */
  press(event, options) {
    const place = this.find(event.target);
    if (place === null || event.altKey || event.metaKey) return;
    const [row, column] = place;
    const [lastRow, lastColumn] = this.size.map((size) => size - 1);
    /** @type {Record<string, readonly [number, number]>} */
    const moves = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Home: [event.ctrlKey ? 0 : row, 0],
      End: [event.ctrlKey ? lastRow : row, lastColumn],
      PageUp: [0, column],
      PageDown: [lastRow, column],
    };
    const target = moves[event.key];
    const acts = !event.ctrlKey && !event.shiftKey && (event.key === "Enter" || event.key === " ");
    if (target === undefined && !acts) return;
    event.preventDefault();
    event.stopPropagation();
    if (acts) options.act(row, column);
    else this.cells[between(target[0], lastRow)][between(target[1], lastColumn)].focus();
  }

  /**
   * Mark the cell that is spoken of, and let Tab lead to the one where the keys are.
   * @param {readonly [number, number]} spoken
   * @param {readonly [number, number]} at
   */
  mark(spoken, at) {
    this.cells.forEach((cells, i) =>
      cells.forEach((cell, j) => {
        cell.classList.toggle("cw-here", i === spoken[0] && j === spoken[1]);
        if (this.options !== null) setAttributes(cell, { tabindex: i === at[0] && j === at[1] ? 0 : -1 });
      }),
    );
  }
}

/**
 * @param {number} place
 * @param {number} last
 */
function between(place, last) {
  return Math.min(Math.max(place, 0), last);
}

export const GRID_HELP =
  "Arrow keys walk the board, Home and End to the ends of a row, Page Up and Page Down to the ends of a column. " +
  "Enter or space forbids a pair or allows it again.";
