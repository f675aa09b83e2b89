// Online softmax: one query meets its keys block by block and never needs all scores at once.
// course_lib.attention.tiled_attention is the specification.

/** @typedef {import("../attention.js").Matrix} Matrix */
/**
 * What is kept from block to block; `total` and `mixed` are relative to exp(largest).
 * @typedef {object} OnlineSoftmax
 * @property {number} largest the largest score so far
 * @property {number} total the sum of exp(score - largest)
 * @property {readonly number[]} mixed the sum of exp(score - largest) v, shape (d_v,)
 */

/**
 * Nothing seen yet.
 * @param {number} dV
 * @returns {OnlineSoftmax}
 */
export function onlineSoftmaxStart(dV) {
  return { largest: -Infinity, total: 0, mixed: new Array(dV).fill(0) };
}

/**
 * One query meets one more block of keys: where a larger score comes, what was summed so far fades.
 * @param {OnlineSoftmax} state
 * @param {readonly number[]} scores shape (block_size,); -Infinity where masked
 * @param {Matrix} values shape (block_size, d_v)
 * @returns {OnlineSoftmax & {fade: number, weights: number[]}} with the factor on what was there before, and the
 *   block's exp(score - largest)
 */
export function onlineSoftmaxStep(state, scores, values) {
  if (scores.length !== values.length) {
    throw new RangeError(`scores and values disagree on block_size: ${scores.length} against ${values.length}`);
  }
  const largest = Math.max(state.largest, ...scores);
  const reference = largest === -Infinity ? 0 : largest;
  const fade = Math.exp(state.largest - reference);
  const weights = scores.map((score) => Math.exp(score - reference));
  const mixed = state.mixed.map((sum) => sum * fade);
  let total = state.total * fade;
  weights.forEach((weight, j) => {
    total += weight;
    for (let component = 0; component < mixed.length; component += 1) mixed[component] += weight * values[j][component];
  });
  return { largest, total, mixed, fade, weights };
}

/**
 * The output once all blocks were met; zeros where every key was masked.
 * @param {OnlineSoftmax} state
 * @returns {number[]} shape (d_v,)
 */
export function onlineSoftmaxOutput({ total, mixed }) {
  return mixed.map((sum) => (total === 0 ? 0 : sum / total));
}
