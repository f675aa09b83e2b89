// The instructor's page: what the stream brings is kept, and shown in the room, in the table and in a learner's card.
import { make, ours, part } from "./elements.js";
import { Grid } from "./grid.js";
import { follow } from "./stream.js";
import { inWords, UNTOUCHED } from "./words.js";

/**
 * @typedef {import("./words.js").Cell} Cell
 * @typedef {import("./words.js").Task} Task
 */

const MOST_CARDS = 8;

/** @type {Task[]} */
let tasks = [];
/** @type {[string, string][]} */
let lessons = [];
/** @type {Record<string, import("./words.js").Confusion>} */
let words = {};
/** @type {Map<string, string>} */
const names = new Map();
/** @type {Map<string, Map<string, Cell>>} */
const cells = new Map();

const lesson = /** @type {HTMLSelectElement} */ (part("lesson"));
const order = /** @type {HTMLSelectElement} */ (part("order"));
const hide = /** @type {HTMLInputElement} */ (part("hide"));
const card = /** @type {HTMLDialogElement} */ (part("learner"));
const grid = new Grid(part("grid"), openCard);

/**
 * @param {string} learner
 * @param {string} task
 * @returns {Cell}
 */
const cellOf = (learner, task) => cells.get(learner)?.get(task) ?? UNTOUCHED;

/** The tasks that are chosen: the exercises of all lessons, or everything of one. */
const chosen = () => tasks.filter((task) => (lesson.value ? task.lesson === Number(lesson.value) : !task.isQuestion));

/**
 * How a learner is called on the screen.
 * @param {string} learner
 */
function shownName(learner) {
  return hide.checked ? `Learner ${[...names.keys()].indexOf(learner) + 1}` : (names.get(learner) ?? learner);
}

/**
 * Who may need help: known mistakes count most, then many attempts without a pass.
 * @param {string} learner
 */
function need(learner) {
  let sum = 0;
  for (const { name } of chosen()) {
    const cell = cellOf(learner, name);
    if (cell.status === "trying") sum += (cell.confusion ? 10 : 3) + cell.attempts;
  }
  return sum;
}

function build() {
  const learners = [...names.keys()];
  if (order.value === "name") learners.sort((a, b) => (names.get(a) ?? a).localeCompare(names.get(b) ?? b));
  if (order.value === "help") learners.sort((a, b) => need(b) - need(a));
  const rows = learners.map((learner) => ({ learner, shown: shownName(learner) }));
  grid.build(chosen(), lessons, rows, cellOf, words);
  count();
}

function count() {
  const passed = new Map();
  let busy = 0;
  for (const row of cells.values()) {
    if (row.size) busy += 1;
    for (const [task, cell] of row) if (cell.status === "passed") passed.set(task, (passed.get(task) ?? 0) + 1);
  }
  for (const { name } of chosen()) grid.sum(name, passed.get(name) ?? 0);
  part("counts").textContent = `${names.size} joined, ${busy} at work`;
}

/** @param {{ id: string, now: number, past: number, tasks: [string, number][] }[]} rows */
function showRoom(rows) {
  const titles = new Map(tasks.map((task) => [task.name, task.title]));
  const shown = rows.filter((row) => row.now > 0).slice(0, MOST_CARDS);
  const list = shown.map(({ id, now, past, tasks: where }) => {
    const { short, say } = words[id];
    const people = now === 1 ? "1 person is" : `${now} people are`;
    const places = where.map(([task, n]) => `${titles.get(task) ?? task} (${n})`).join(", ");
    return make(
      "li",
      { class: now > 1 ? "" : "calm" },
      make("b", {}, `${people} at ${id}: ${short}`),
      make("p", { class: "say" }, `“${say}”`),
      make("p", { class: "where" }, `${places}${past ? `; ${past} got past it` : ""}`),
    );
  });
  part("room").replaceChildren(...list);
  part("room-empty").hidden = list.length > 0;
}

/** @param {string} learner */
function openCard(learner) {
  const rows = tasks
    .filter((task) => cellOf(learner, task.name) !== UNTOUCHED)
    .map((task) => {
      const cell = cellOf(learner, task.name);
      return make("tr", {}, make("th", { scope: "row" }, task.title), make("td", {}, inWords(cell, words)));
    });
  const close = make("button", { type: "button" }, "Close");
  close.addEventListener("click", () => card.close());
  const release = make("button", { type: "button" }, "Release this name");
  const said = make("p", { role: "status" });
  release.addEventListener("click", async () => {
    const headers = { ...ours(), "Content-Type": "application/json" };
    const answer = await fetch("api/release", { method: "POST", headers, body: JSON.stringify({ learner }) });
    said.textContent = answer.ok
      ? "For a quarter of an hour this name may be taken up without its PIN, once. It gets a new one."
      : "That did not work. Reload this page and try again.";
  });
  card.replaceChildren(
    make("h2", { id: "learner-name" }, shownName(learner)),
    rows.length ? make("table", {}, ...rows) : make("p", {}, "Nothing tried yet."),
    said,
    make("div", { class: "row" }, release, close),
  );
  card.showModal();
}

/** @type {Set<string>} */
let built = new Set();

/**
 * Take in what the stream brought.
 * @param {any} update
 * @param {boolean} isFirst
 */
function take(update, isFirst) {
  if (isFirst) {
    ({ tasks, lessons, words } = update);
    names.clear();
    cells.clear();
    built = new Set();
    if (lesson.options.length === 1)
      lesson.append(
        ...lessons.map(([number, title]) => make("option", { value: String(number) }, `${number} ${title}`)),
      );
  }
  for (const [learner, shown] of update.learners) names.set(learner, shown);
  for (const [learner, task, status, attempts, minutes, confusion] of update.cells) {
    const row = cells.get(learner) ?? new Map();
    row.set(task, { status, attempts, minutes, confusion });
    cells.set(learner, row);
  }
  if (isFirst || update.learners.length || [...names.keys()].some((learner) => !built.has(learner))) {
    built = new Set(names.keys());
    build();
  } else {
    for (const [learner, task] of update.cells) grid.show(learner, task, cellOf(learner, task));
    count();
  }
  showRoom(update.confusions);
}

/** @param {"live" | "lost" | "closed"} state */
function tell(state) {
  const said = {
    live: "live",
    lost: "not connected; trying again. What is shown may be old.",
    closed: "You are no longer signed in. Reload this page.",
  };
  const place = part("connection");
  if (place.textContent !== said[state]) place.textContent = said[state];
  place.className = state === "live" ? "" : "lost";
}

for (const choice of [lesson, order, hide]) choice.addEventListener("change", build);
part("choices").addEventListener("submit", (event) => event.preventDefault());
part("room-empty").hidden = false;
follow("api/stream", take, tell);
