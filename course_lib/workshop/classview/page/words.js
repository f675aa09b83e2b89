// What a cell says: on the screen in two or three characters, and in words for who hears it.

/**
 * @typedef {{ status: string, attempts: number, minutes: number, confusion: string | null }} Cell
 * @typedef {{ name: string, title: string, lesson: number, isQuestion: boolean }} Task
 * @typedef {{ short: string, say: string }} Confusion
 */

/** @type {Cell} */
export const UNTOUCHED = { status: "not_started", attempts: 0, minutes: 0, confusion: null };

/**
 * "1 minute", "2 minutes".
 * @param {number} count
 * @param {string} word
 */
export const counted = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

/**
 * The few characters of a cell.
 * @param {Cell} cell
 */
export function sign(cell) {
  if (cell.status === "passed") return cell.minutes ? `✔ ${cell.minutes}` : "✔";
  if (cell.status === "trying") return `${cell.attempts}${cell.confusion ? "!" : ""}`;
  return "";
}

/**
 * The class that a cell is styled by.
 * @param {Cell} cell
 */
export function look(cell) {
  if (cell.status === "trying") return cell.confusion ? "stuck" : "trying";
  return cell.status === "passed" ? "passed" : "";
}

/**
 * A cell in words.
 * @param {Cell} cell
 * @param {Record<string, Confusion>} words
 */
export function inWords(cell, words) {
  if (cell.status === "not_started") return "not started";
  const time = cell.minutes ? counted(cell.minutes, "minute") : "under a minute";
  const took = `${counted(cell.attempts, "attempt")}, ${time}`;
  const mistake = cell.confusion ? `; ${cell.confusion}: ${words[cell.confusion]?.short ?? ""}` : "";
  return `${cell.status === "passed" ? "passed" : "trying"}, ${took}${mistake}`;
}
