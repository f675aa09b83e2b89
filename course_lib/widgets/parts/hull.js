// The convex hull of points: where weights that sum to 1 can lead.
import { point } from "./plane.js";

/**
 * The convex hull of points as a closed path (Andrew's monotone chain).
 * @param {readonly [number, number][]} points
 */
export function hullPath(points) {
  const ordered = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  /** @param {readonly [number, number][]} some */
  const chain = (some) => {
    /** @type {[number, number][]} */
    const kept = [];
    for (const next of some) {
      while (kept.length > 1 && leftTurn(kept[kept.length - 2], kept[kept.length - 1], next) <= 0) kept.pop();
      kept.push(next);
    }
    return kept.slice(0, -1);
  };
  const corners = [...chain(ordered), ...chain([...ordered].reverse())];
  return corners.length === 0 ? "" : `M${corners.map((corner) => point(...corner)).join("L")}Z`;
}

/**
 * Above 0 where the way a, b, c turns left.
 * @param {readonly [number, number]} a
 * @param {readonly [number, number]} b
 * @param {readonly [number, number]} c
 */
function leftTurn(a, b, c) {
  return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
}

const EXACT = 1e-9; // how far rounding alone may lead outside

/**
 * Whether a point lies in the convex hull of corners: in no direction does it reach further than all of them. The
 * normals of all edges are among the directions that are looked at; the others can only agree.
 * @param {readonly number[]} place
 * @param {readonly (readonly number[])[]} corners
 */
export function isInsideHull(place, corners) {
  const along = corners.flatMap((a) => corners.map((b) => [a[0] - b[0], a[1] - b[1]]));
  const across = along.map(([x, y]) => [-y, x]);
  const largest = Math.max(...corners.flat().map(Math.abs));
  return [...along, ...across, [1, 0], [-1, 0], [0, 1], [0, -1]].every(([x, y]) => {
    const furthest = Math.max(...corners.map((corner) => x * corner[0] + y * corner[1]));
    const slack = EXACT * (1 + (Math.abs(x) + Math.abs(y)) * (1 + largest));
    return x * place[0] + y * place[1] <= furthest + slack;
  });
}
