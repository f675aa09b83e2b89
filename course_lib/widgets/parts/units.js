// Large and small quantities as a person says them; course_lib.plots.units writes the same in Python.

/** @typedef {readonly (readonly [number, string])[]} Units */

const BYTES = /** @type {const} */ ([
  [1, "B"],
  [1e3, "KB"],
  [1e6, "MB"],
  [1e9, "GB"],
  [1e12, "TB"],
  [1e15, "PB"],
  [1e18, "EB"],
]);
const SECONDS = /** @type {const} */ ([
  [1e-9, "ns"],
  [1e-6, "µs"],
  [1e-3, "ms"],
  [1, "s"],
  [60, "min"],
  [3600, "h"],
  [86_400, "days"],
  [31_557_600, "years"],
]);

/**
 * An amount of memory, 1 KB being 1,000 bytes.
 * @param {number} nBytes
 */
export function bytesText(nBytes) {
  return inUnits(nBytes, BYTES);
}

/**
 * A duration.
 * @param {number} seconds
 */
export function secondsText(seconds) {
  return inUnits(seconds, SECONDS);
}

/**
 * A number of things; millions in words.
 * @param {number} number
 */
export function countText(number) {
  return number >= 1e6 ? `${Number((number / 1e6).toPrecision(3))} million` : Math.round(number).toLocaleString("en");
}

/**
 * A number in the largest unit that leaves at least 1, with two digits that count.
 * @param {number} number
 * @param {Units} units
 */
function inUnits(number, units) {
  const [size, name] = units.filter((unit) => number >= 0.995 * unit[0]).pop() ?? units[0];
  const amount = number / size;
  const text = amount.toFixed(1).replace(".0", "");
  if (amount < 9.95) return `${text} ${text === "1" && name.length > 2 ? name.replace(/s$/, "") : name}`;
  return `${Number(amount.toPrecision(2)).toLocaleString("en")} ${name}`;
}
