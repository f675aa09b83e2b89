// Elements of the page, and numbers and words as they are written on it.
// Text from outside goes into the page as text nodes only, never as markup.

/** @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Attributes */

const SVG_NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * @param {Element} node
 * @param {Attributes} attributes
 * @param {(Node | string)[]} children
 */
function furnish(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if ((value ?? false) !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
}

/**
 * Make an HTML element; a function among the attributes listens to the event of that name.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function html(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  furnish(node, attributes, children);
  return node;
}

/**
 * Make an SVG element.
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {Attributes} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG_NAMESPACE, name);
  furnish(node, attributes, children);
  return node;
}

/**
 * A ground that nobody sees, larger than what moves on it. Where the outline of what is painted changes, the browser
 * sorts the layers of the whole page anew; with this it stays.
 */
export function ground() {
  return svg("rect", { class: "cw-ground", x: -40, y: -40, width: 2000, height: 1000, "aria-hidden": "true" });
}

/**
 * Write text into an element that holds text only; does nothing where it is there already.
 * @param {Element} node
 * @param {string} text
 */
export function setText(node, text) {
  const child = node.firstChild;
  if (child === null) node.append(text);
  else if (child.nodeValue !== text) child.nodeValue = text;
}

/**
 * Set attributes; those that are there already are left alone.
 * @param {Element} node
 * @param {Record<string, string | number>} attributes
 */
export function setAttributes(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value));
  }
}

/**
 * An id that no other widget on the page has.
 * @param {string} stem
 */
export function uniqueId(stem) {
  return `${stem}-${Math.random().toString(36).slice(2, 10)}`;
}

/**
 * A number as in a cell: fixed decimals, a true minus sign, never a minus before zero.
 * @param {number} number
 * @param {number} [decimals]
 */
export function written(number, decimals = 2) {
  if (Number.isNaN(number)) return "?";
  if (!Number.isFinite(number)) return number > 0 ? "∞" : "−∞";
  const text = number.toFixed(
    Math.abs(number) >= 1000 ? 0 : Math.abs(number) >= 100 ? Math.min(1, decimals) : decimals,
  );
  return Number(text) === 0 ? text.replace("-", "") : text.replace("-", "−");
}

/**
 * A number as read out: "minus 1.2" would be lost on some screen readers, so the plain hyphen stays.
 * @param {number} number
 */
export function spoken(number) {
  return written(number).replace("−", "-");
}

/**
 * A token as it is named in a sentence: words in quotation marks, numbers bare.
 * @param {string} token
 */
export function quoted(token) {
  return /^\d+$/.test(token) ? token : `“${token}”`;
}

/** @param {number} weight */
export function percent(weight) {
  return `${Math.round(100 * weight)} %`;
}

/**
 * A word cut to the room there is.
 * @param {string} word
 * @param {number} [most]
 */
export function shortened(word, most = 9) {
  const letters = Array.from(word);
  return letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : word;
}
