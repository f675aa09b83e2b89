// The table of the class: built when its shape changes, and then only the cells that changed are touched.
import { make } from "./elements.js";
import { inWords, look, sign, UNTOUCHED } from "./words.js";

/**
 * @typedef {import("./words.js").Cell} Cell
 * @typedef {import("./words.js").Task} Task
 */

export class Grid {
  /**
   * @param {HTMLElement} table
   * @param {(learner: string) => void} choose what happens when a name is pressed
   */
  constructor(table, choose) {
    this.table = table;
    this.choose = choose;
    /** @type {Map<string, Map<string, HTMLElement>>} */
    this.places = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.sums = new Map();
    /** @type {Record<string, import("./words.js").Confusion>} */
    this.words = {};
  }

  /**
   * Build the table anew.
   * @param {Task[]} tasks
   * @param {[string, string][]} lessons
   * @param {{ learner: string, shown: string }[]} rows
   * @param {(learner: string, task: string) => Cell} cellOf
   * @param {Record<string, import("./words.js").Confusion>} words
   */
  build(tasks, lessons, rows, cellOf, words) {
    this.words = words;
    this.places.clear();
    this.sums.clear();
    const caption = this.table.querySelector("caption");
    const body = make("tbody", {}, ...rows.map((row) => this.row(row, tasks, cellOf)));
    this.table.replaceChildren(...(caption ? [caption] : []), this.head(tasks, lessons), body);
  }

  /**
   * @param {Task[]} tasks
   * @param {[string, string][]} lessons
   */
  head(tasks, lessons) {
    const groups = lessons
      .map(([number, title]) => ({
        title,
        number,
        width: tasks.filter((task) => task.lesson === Number(number)).length,
      }))
      .filter((group) => group.width > 0)
      .map(({ title, number, width }) => {
        const text = width > 2 ? `${number} ${title}` : String(number);
        return make("th", { scope: "colgroup", colspan: String(width), class: "lesson-start", title }, text);
      });
    const names = tasks.map((task, index) => {
      const border = index && tasks[index - 1].lesson === task.lesson ? "task" : "task lesson-start";
      return make("th", { scope: "col", class: border, title: task.title }, make("span", {}, task.title));
    });
    const sums = tasks.map((task) => {
      const sum = make("td");
      this.sums.set(task.name, sum);
      return sum;
    });
    return make(
      "thead",
      {},
      make("tr", {}, make("th", { scope: "row" }, "Lesson"), ...groups),
      make("tr", {}, make("th", { scope: "row" }, "Task"), ...names),
      make("tr", {}, make("th", { scope: "row" }, "Passed"), ...sums),
    );
  }

  /**
   * @param {{ learner: string, shown: string }} row
   * @param {Task[]} tasks
   * @param {(learner: string, task: string) => Cell} cellOf
   */
  row({ learner, shown }, tasks, cellOf) {
    const button = make("button", { type: "button" }, shown);
    button.addEventListener("click", () => this.choose(learner));
    /** @type {Map<string, HTMLElement>} */
    const places = new Map();
    const cells = tasks.map((task) => {
      const place = make("td");
      places.set(task.name, place);
      this.fill(place, cellOf(learner, task.name));
      return place;
    });
    this.places.set(learner, places);
    return make("tr", {}, make("th", { scope: "row" }, button), ...cells);
  }

  /**
   * Show a cell that has changed; nothing where the table has no place for it.
   * @param {string} learner
   * @param {string} task
   * @param {Cell} cell
   */
  show(learner, task, cell) {
    const place = this.places.get(learner)?.get(task);
    if (place) this.fill(place, cell);
  }

  /**
   * @param {HTMLElement} place
   * @param {Cell} cell
   */
  fill(place, cell) {
    if (cell === UNTOUCHED) return;
    const text = inWords(cell, this.words);
    place.className = look(cell);
    place.title = text;
    place.replaceChildren(make("span", { "aria-hidden": "true" }, sign(cell)), make("span", { class: "unseen" }, text));
  }

  /**
   * Show how many have passed a task.
   * @param {string} task
   * @param {number} passed
   */
  sum(task, passed) {
    const place = this.sums.get(task);
    if (place && place.textContent !== String(passed)) place.textContent = String(passed);
  }
}
