// Paragraphs of text from outside, with `code` between backticks: text nodes only, never markup.
import { html } from "./elements.js";

/**
 * Pieces of a text: words as they are, and code elements for what stands between backticks.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function withCode(text) {
  const pieces = text.split("`");
  if (pieces.length % 2 === 0) return [text]; // a backtick without its partner is a backtick
  return pieces.map((piece, place) => (place % 2 === 0 ? piece : html("code", {}, piece)));
}

/**
 * One paragraph for each line; the first may stand out as a heading.
 * @param {string} text
 * @param {boolean} hasHeading
 * @returns {HTMLElement[]}
 */
export function paragraphs(text, hasHeading = false) {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line, place) => html("p", { class: hasHeading && place === 0 ? "cw-heading" : "" }, ...withCode(line)));
}
