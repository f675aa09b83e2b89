// Numbers in rows: bars, and a matrix of weights.
import { html, setAttributes, setText, shortened, written } from "./elements.js";
import { weightColours } from "./theme.js";

/**
 * Horizontal bars, one a row: a name, a bar that may point left of zero, and numbers.
 */
export class Bars {
  /**
   * @param {readonly string[]} names
   * @param {readonly string[]} headings over the name, the bar and each column of numbers
   * @param {string} className
   */
  constructor(names, headings, className) {
    this.rows = names.map((name) => {
      const fill = html("div", { class: "cw-fill" });
      const outline = html("div", { class: "cw-outline" });
      const zero = html("div", { class: "cw-zero" });
      const numbers = headings.slice(2).map(() => html("div", { class: "cw-fixed" }));
      const track = html("div", { class: "cw-track" }, outline, fill, zero);
      const row = html(
        "tr",
        {},
        html("th", { scope: "row", title: name }, shortened(name)),
        html("td", { class: "cw-trackcell" }, track),
        ...numbers.map((number) => html("td", { class: "cw-number" }, number)),
      );
      return { row, fill, outline, zero, numbers };
    });
    const head = headings.map((heading, place) =>
      html(
        "th",
        { scope: "col", class: place > 1 ? "cw-number" : "" },
        heading || html("span", { class: "cw-unseen" }, "bar"),
      ),
    );
    this.headings = head;
    this.element = html(
      "table",
      { class: `cw-bars ${className}` },
      html("thead", {}, html("tr", {}, ...head)),
      html("tbody", {}, ...this.rows.map(({ row }) => row)),
    );
  }

  /**
   * @param {number} index
   * @param {number} length as a part of the track, negative to the left
   * @param {number} outlined the same for the outline
   * @param {number} zero where zero is on the track, 0 to 1
   * @param {readonly string[]} numbers
   * @param {boolean} blocked masked out
   */
  draw(index, length, outlined, zero, numbers, blocked) {
    const { row, fill, outline, zero: mark, numbers: cells } = this.rows[index];
    fillTrack(fill, zero, length);
    outline.style.left = `${100 * (outlined < 0 ? zero + outlined : zero)}%`;
    outline.style.width = `${100 * Math.abs(outlined)}%`;
    mark.style.left = `${100 * zero}%`;
    numbers.forEach((number, place) => setText(cells[place], number));
    row.classList.toggle("cw-blocked", blocked);
    fill.classList.toggle("cw-negative", length < 0);
  }
}

/**
 * Fill a part of a track. The element spans all of the track and its background the part, so that nothing is laid out
 * and no outline changes when it moves.
 * @param {HTMLElement} node
 * @param {number} zero where zero is on the track, 0 to 1
 * @param {number} length as a part of the track, negative to the left
 */
export function fillTrack(node, zero, length) {
  const width = Math.min(Math.abs(length), 1);
  const left = length < 0 ? zero - width : zero;
  const room = 1 - width; // a background's position is a part of the room that it leaves
  node.style.background = `linear-gradient(var(--cw-bar) 0 0) ${room > 0 ? (100 * left) / room : 0}% 0 / ${100 * width}% 100% no-repeat`;
}

/**
 * A matrix of weights with its numbers in the cells and its row sums; a row is selected by click or by arrow keys.
 */
export class WeightMatrix {
  /**
   * @param {readonly string[]} names
   * @param {string} caption
   * @param {(row: number) => void} select
   */
  constructor(names, caption, select) {
    this.buttons = names.map((name, row) =>
      html(
        "button",
        {
          type: "button",
          title: `query ${name}`,
          "aria-label": `query ${name}`,
          "data-lm-suppress-shortcuts": "true",
          keydown: (event) => this.press(event, row, select),
        },
        shortened(name, 7),
      ),
    );
    this.numbers = names.map(() => names.map(() => html("div", { class: "cw-fixed" })));
    this.cells = this.numbers.map((row) => row.map((number) => html("td", {}, number)));
    this.sums = names.map(() => html("div", { class: "cw-fixed" }));
    this.rows = names.map((_, row) =>
      html(
        "tr",
        { click: () => select(row) },
        html("th", { scope: "row" }, this.buttons[row]),
        ...this.cells[row],
        html("td", { class: "cw-sum" }, this.sums[row]),
      ),
    );
    const columns = names.map((name) =>
      html("th", { scope: "col", title: `key ${name}` }, html("span", {}, shortened(name, 9))),
    );
    this.element = html(
      "table",
      { class: "cw-matrix" },
      html("caption", { class: "cw-unseen" }, caption),
      html(
        "thead",
        {},
        html(
          "tr",
          {},
          html("th", { scope: "col" }, "q \\ k"),
          ...columns,
          html("th", { scope: "col" }, html("span", {}, "sum")),
        ),
      ),
      html("tbody", {}, ...this.rows),
    );
  }

  /**
   * @param {KeyboardEvent} event
   * @param {number} row
   * @param {(row: number) => void} select
   */
  press(event, row, select) {
    const last = this.rows.length - 1;
    /** @type {Record<string, number>} */
    const moves = { ArrowUp: Math.max(0, row - 1), ArrowDown: Math.min(last, row + 1), Home: 0, End: last };
    const target = moves[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    select(target);
    this.buttons[target].focus();
  }

  /**
   * @param {readonly (readonly number[])[]} weights
   * @param {number} selected
   * @param {string | undefined} theme
   */
  draw(weights, selected, theme) {
    weights.forEach((row, i) => {
      this.rows[i].classList.toggle("cw-selected", i === selected);
      setAttributes(this.buttons[i], { "aria-pressed": String(i === selected), tabindex: i === selected ? 0 : -1 });
      let sum = 0;
      row.forEach((weight, j) => {
        sum += weight;
        const cell = this.cells[i][j];
        const { background, text } = weightColours(weight, theme);
        setText(this.numbers[i][j], written(weight));
        cell.style.backgroundColor = background;
        cell.style.color = text;
      });
      setText(this.sums[i], written(sum));
    });
  }
}
