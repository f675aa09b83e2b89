// Heads: one axis of components becomes two, and back; attention in each; key and value heads shared by groups.
// course_lib.attention is the specification, as of ../attention.js.
import { attentionWeights, project, weightedSum } from "../attention.js";

/** @typedef {import("../attention.js").Matrix} Matrix */
/** @typedef {import("../attention.js").Mask} Mask */
/** @typedef {import("../attention.js").AttentionOptions} AttentionOptions */
/** @typedef {Omit<AttentionOptions, "mask"> & {mask?: Mask | readonly Mask[] | null}} HeadOptions one mask, or one a head */

/**
 * Give every head its share of each token's components: head h gets components h d_k .. (h + 1) d_k - 1.
 * @param {Matrix} x shape (seq_len, d_model)
 * @param {number} nHeads a divisor of d_model
 * @returns {number[][][]} shape (n_heads, seq_len, d_k)
 */
export function splitHeads(x, nHeads) {
  const dModel = x.length === 0 ? 0 : x[0].length;
  if (!Number.isInteger(nHeads) || nHeads < 1 || dModel % nHeads !== 0) {
    throw new RangeError(`d_model=${dModel} cannot be split into n_heads=${nHeads} heads of equal size`);
  }
  const dK = dModel / nHeads;
  return Array.from({ length: nHeads }, (_, head) => x.map((row) => row.slice(head * dK, (head + 1) * dK)));
}

/**
 * Lay the heads' components of each token side by side again: the inverse of splitHeads.
 * @param {readonly Matrix[]} heads shape (n_heads, seq_len, d_k)
 * @returns {number[][]} shape (seq_len, n_heads * d_k)
 */
export function mergeHeads(heads) {
  return heads.length === 0 ? [] : heads[0].map((_, token) => heads.flatMap((head) => [...head[token]]));
}

/**
 * The key or value head that query head `head` looks at; where there are fewer, groups of query heads share one.
 * @param {number} head
 * @param {number} nHeads
 * @param {number} nShared
 */
function sharedHead(head, nHeads, nShared) {
  if (nShared === 0 || nHeads % nShared !== 0) {
    throw new RangeError(`${nHeads} query heads cannot share ${nShared} key or value heads equally`);
  }
  return Math.floor(head / (nHeads / nShared));
}

/**
 * How much each query of each head attends to each key.
 * @param {readonly Matrix[]} query shape (n_heads, n_queries, d_k)
 * @param {readonly Matrix[]} key shape (n_kv_heads, n_keys, d_k)
 * @param {HeadOptions} [options]
 * @returns {number[][][]} shape (n_heads, n_queries, n_keys)
 */
export function multiHeadWeights(query, key, options = {}) {
  return query.map((q, head) => {
    const k = key[sharedHead(head, query.length, key.length)];
    return attentionWeights(q, k, { ...options, mask: maskOfHead(options.mask ?? null, head) });
  });
}

/**
 * What each head's queries collect.
 * @param {readonly Matrix[]} weights shape (n_heads, n_queries, n_keys)
 * @param {readonly Matrix[]} value shape (n_kv_heads, n_keys, d_v)
 * @returns {number[][][]} shape (n_heads, n_queries, d_v)
 */
export function multiHeadOutput(weights, value) {
  return weights.map((w, head) => weightedSum(w, value[sharedHead(head, weights.length, value.length)]));
}

/**
 * Attend in several heads at once and mix what they found: Concat(head_1, ..., head_h) W^O.
 * @param {Matrix} x shape (seq_len, d_model)
 * @param {Matrix} wQuery shape (d_model, n_heads * d_k)
 * @param {Matrix} wKey shape (d_model, n_kv_heads * d_k); its width tells n_kv_heads
 * @param {Matrix} wValue shape (d_model, n_kv_heads * d_v)
 * @param {Matrix} wOutput shape (n_heads * d_v, d_out)
 * @param {number} nHeads
 * @param {HeadOptions} [options]
 * @returns {number[][]} shape (seq_len, d_out)
 */
export function multiHeadAttention(x, wQuery, wKey, wValue, wOutput, nHeads, options = {}) {
  if (wQuery.length === 0 || wKey.length === 0) throw new RangeError("the maps of the heads must have rows");
  const nKvHeads = (nHeads * wKey[0].length) / wQuery[0].length;
  const query = splitHeads(project(x, wQuery), nHeads);
  const key = splitHeads(project(x, wKey), nKvHeads);
  const value = splitHeads(project(x, wValue), nKvHeads);
  return project(mergeHeads(multiHeadOutput(multiHeadWeights(query, key, options), value)), wOutput);
}

/**
 * @param {Mask | readonly Mask[] | null} mask
 * @param {number} head
 * @returns {Mask | null}
 */
function maskOfHead(mask, head) {
  if (mask === null || mask.length === 0) return null;
  return Array.isArray(mask[0][0]) ? /** @type {readonly Mask[]} */ (mask)[head] : /** @type {Mask} */ (mask);
}
