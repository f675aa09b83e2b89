// A learner's own row, looked at anew every few seconds while the page is seen.
import { make, ours, part } from "./elements.js";
import { inWords, look } from "./words.js";

const PAUSE = 5000;

async function show() {
  const answer = await fetch("api/mine", { headers: ours() });
  if (!answer.ok) throw new Error(String(answer.status));
  const { tasks, words, shown, cells } = await answer.json();
  const row = new Map(
    cells.map((/** @type {any[]} */ [task, status, attempts, minutes, confusion]) => [
      task,
      { status, attempts, minutes, confusion },
    ]),
  );
  const touched = tasks.filter((/** @type {{ name: string }} */ task) => row.has(task.name));
  part("counts").textContent = `${shown}: ${touched.length} of ${tasks.length} tasks tried`;
  const caption = part("grid").querySelector("caption");
  const lines = touched.map((/** @type {{ name: string, title: string }} */ task) => {
    const cell = row.get(task.name);
    return make(
      "tr",
      {},
      make("th", { scope: "row" }, task.title),
      make("td", { class: look(cell) }, inWords(cell, words)),
    );
  });
  part("grid").replaceChildren(...(caption ? [caption] : []), make("tbody", {}, ...lines));
}

async function again() {
  try {
    if (!document.hidden) await show();
  } catch {
    part("counts").textContent = "The class view does not answer at the moment. Your work goes on without it.";
  }
  window.setTimeout(again, PAUSE);
}

again();
