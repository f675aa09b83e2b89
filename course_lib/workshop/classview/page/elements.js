// Elements from text: what somebody typed becomes a text node, and never markup.

/**
 * Make an element.
 * @param {string} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/**
 * The element of the page with this id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function part(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found;
}

/**
 * The page's own token, which says that a request comes from the page and from nowhere else.
 * @returns {Record<string, string>}
 */
export function ours() {
  return { "X-XSRFToken": document.querySelector("meta[name=xsrf]")?.getAttribute("content") ?? "" };
}
