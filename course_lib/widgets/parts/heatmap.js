// Maps of weights on canvas: one cell a pixel, or large with the numbers where they fit.
import { written } from "./elements.js";
import { weightColours } from "./theme.js";

const LEVELS = 255;
const ROOM_FOR_NUMBER = 26; // pixels of a cell in which "0.95" can be read

/** @typedef {{background: string, text: string, pixel: number[]}} Level */

/** @type {Map<string, Level[]>} */
const ramps = new Map();

/**
 * The colours of all levels of weight; made once for each theme.
 * @param {string} theme
 */
function rampOf(theme) {
  const known = ramps.get(theme);
  if (known !== undefined) return known;
  const ramp = Array.from({ length: LEVELS + 1 }, (_, level) => {
    const colours = weightColours(level / LEVELS, theme);
    return { ...colours, pixel: [...(colours.background.match(/\d+/g) ?? []).map(Number), 255] };
  });
  ramps.set(theme, ramp);
  return ramp;
}

/** @param {number} weight */
function levelOf(weight) {
  return Math.round(LEVELS * Math.min(Math.max(weight, 0), 1));
}

/**
 * Draw a matrix of weights with one pixel a cell; the page's style makes it larger. The pixels go over in one piece:
 * filling each would take several times as long.
 * @param {HTMLCanvasElement} canvas
 * @param {readonly ArrayLike<number>[]} rows
 * @param {string} theme
 */
export function drawSmallMap(canvas, rows, theme) {
  const ramp = rampOf(theme);
  const [width, height] = [rows[0].length, rows.length];
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  if (context === null) return;
  const image = context.createImageData(width, height);
  rows.forEach((row, i) => {
    for (let j = 0; j < width; j += 1) image.data.set(ramp[levelOf(row[j])].pixel, 4 * (i * width + j));
  });
  context.putImageData(image, 0, 0);
}

/**
 * Whether numbers can be read in the cells of a map.
 * @param {number} cellWidth in pixels of the page
 * @param {number} cellHeight
 */
export function hasRoomForNumbers(cellWidth, cellHeight) {
  return Math.min(cellWidth, 2 * cellHeight) >= ROOM_FOR_NUMBER;
}

/**
 * Draw a matrix of weights as large as its canvas, sharp on every screen, with numbers where they fit.
 * @param {HTMLCanvasElement} canvas
 * @param {readonly ArrayLike<number>[]} rows
 * @param {string} theme
 * @param {readonly [number, number]} size width and height of the canvas on the page, in pixels
 */
export function drawLargeMap(canvas, rows, theme, [width, height]) {
  const ramp = rampOf(theme);
  const sharpness = window.devicePixelRatio || 1;
  [canvas.width, canvas.height] = [Math.round(width * sharpness), Math.round(height * sharpness)];
  const context = canvas.getContext("2d");
  if (context === null) return;
  const [cellWidth, cellHeight] = [canvas.width / rows[0].length, canvas.height / rows.length];
  const hasNumbers = hasRoomForNumbers(cellWidth / sharpness, cellHeight / sharpness);
  context.font = `${Math.min(12, cellWidth / sharpness / 2.6) * sharpness}px system-ui, sans-serif`;
  [context.textAlign, context.textBaseline] = ["center", "middle"];
  rows.forEach((row, i) => {
    const [top, bottom] = [Math.round(i * cellHeight), Math.round((i + 1) * cellHeight)];
    for (let j = 0; j < row.length; j += 1) {
      const [left, right] = [Math.round(j * cellWidth), Math.round((j + 1) * cellWidth)];
      const colours = ramp[levelOf(row[j])];
      context.fillStyle = colours.background;
      context.fillRect(left, top, right - left, bottom - top);
      if (!hasNumbers) continue;
      context.fillStyle = colours.text;
      context.fillText(written(row[j]), (left + right) / 2, (top + bottom) / 2);
    }
  });
}
