// The arithmetic of attention, for pictures that are computed where they are drawn.
// course_lib.attention is its specification: tests/widgets holds every function to it.
// An array of shape (rows, columns) is a list of rows. Nothing here draws, and nothing changes its arguments.
//
// Here: scores, masks, softmax, weighted sum, projection, attention of one head. In arithmetic/, by lesson:
//   heads.js      splitHeads, mergeHeads, multiHeadWeights, multiHeadOutput, multiHeadAttention
//   positions.js  sinusoidalPositions, rotate, alibiBias
//   tiles.js      onlineSoftmaxStart, onlineSoftmaxStep, onlineSoftmaxOutput

/** @typedef {readonly (readonly number[])[]} Matrix */
/** @typedef {readonly (readonly (boolean | number)[])[]} Mask  true = may attend; a number is added to the score */
/** @typedef {number | readonly [number | null, number | null]} Window  [left, right], null = no bound; w = [w, w] */
/**
 * Masks combine: all must allow a pair.
 * @typedef {object} AttentionOptions
 * @property {Mask | null} [mask]
 * @property {boolean} [isCausal]
 * @property {number} [offset] the position of query 0 among the keys
 * @property {Window | null} [window]
 * @property {number | null} [scale] null means 1 / sqrt(d_k)
 * @property {number} [temperature]
 */

/**
 * The length of the rows; 0 where there are none.
 * @param {Matrix} matrix
 */
function columnCount(matrix) {
  return matrix.length === 0 ? 0 : matrix[0].length;
}

/**
 * q . k
 * @param {readonly number[]} query
 * @param {readonly number[]} key
 * @returns {number}
 */
export function dotProduct(query, key) {
  if (query.length !== key.length) {
    throw new RangeError(`query and key disagree on d_k: ${query.length} against ${key.length}`);
  }
  let sum = 0;
  for (let component = 0; component < query.length; component += 1) sum += query[component] * key[component];
  return sum;
}

/**
 * scores[i][j] = q_i . k_j
 * @param {Matrix} query shape (n_queries, d_k)
 * @param {Matrix} key shape (n_keys, d_k)
 * @returns {number[][]} shape (n_queries, n_keys)
 */
export function dotProductScores(query, key) {
  return query.map((q) => key.map((k) => dotProduct(q, k)));
}

/**
 * scores[i][j] = scale (q_i . k_j); a scale of null means 1 / sqrt(d_k)
 * @param {Matrix} query shape (n_queries, d_k)
 * @param {Matrix} key shape (n_keys, d_k)
 * @param {number | null} [scale]
 * @returns {number[][]} shape (n_queries, n_keys)
 */
export function scaledScores(query, key, scale = null) {
  const factor = scale === null ? 1 / Math.sqrt(columnCount(query)) : scale;
  return dotProductScores(query, key).map((row) => row.map((score) => score * factor));
}

/**
 * Query i may attend to keys 0 .. i + offset.
 * @param {number} nQueries
 * @param {number} [nKeys]
 * @param {number} [offset]
 * @returns {boolean[][]} shape (n_queries, n_keys), true = may attend
 */
export function causalMask(nQueries, nKeys = nQueries, offset = 0) {
  return Array.from({ length: nQueries }, (_, i) => Array.from({ length: nKeys }, (__, j) => j <= i + offset));
}

/**
 * A query at position p = i + offset may attend to keys p - left .. p + right.
 * @param {number} nQueries
 * @param {number} nKeys
 * @param {Window} window
 * @param {number} [offset]
 * @returns {boolean[][]} shape (n_queries, n_keys), true = may attend
 */
export function slidingWindowMask(nQueries, nKeys, window, offset = 0) {
  const [left, right] = typeof window === "number" ? [window, window] : window;
  const [lowest, highest] = [left === null ? -Infinity : -left, right === null ? Infinity : right];
  return Array.from({ length: nQueries }, (_, i) =>
    Array.from({ length: nKeys }, (__, j) => lowest <= j - i - offset && j - i - offset <= highest),
  );
}

/**
 * Nobody may attend to padding: of a sequence of length n, keys 0 .. n - 1 are real tokens.
 * @param {readonly number[]} lengths one for each sequence
 * @param {number} nKeys the length that the sequences were padded to
 * @returns {boolean[][]} shape (n_sequences, n_keys), one row a sequence: to mask scores, give its row to every query
 */
export function paddingMask(lengths, nKeys) {
  return lengths.map((length) => Array.from({ length: nKeys }, (_, j) => j < length));
}

/**
 * Join masks of one shape: all must allow a pair, and what they add is added up. A pair that one forbids is false.
 * @param {...(Mask | null)} masks null forbids nothing
 * @returns {(boolean | number)[][] | null} shape (n_queries, n_keys); null where there is no mask
 */
export function combineMasks(...masks) {
  /** @type {(boolean | number)[][] | null} */
  let joined = null;
  for (const mask of masks) {
    if (mask === null) continue;
    const before = /** @type {Mask | null} */ (joined);
    joined = mask.map((row, i) => row.map((entry, j) => (before === null ? entry : joinedEntry(before[i][j], entry))));
  }
  return joined;
}

/**
 * @param {boolean | number} first
 * @param {boolean | number} second
 */
function joinedEntry(first, second) {
  if (first === false || second === false) return false;
  if (first === true) return second;
  return second === true ? first : Number(first) + Number(second);
}

/**
 * Forbid where the mask is false (the score becomes -Infinity); add where it is a number.
 * @param {Matrix} scores shape (n_queries, n_keys)
 * @param {Mask} mask shape (n_queries, n_keys)
 * @returns {number[][]}
 */
export function maskedScores(scores, mask) {
  return scores.map((row, i) =>
    row.map((score, j) => {
      const entry = mask[i][j];
      if (typeof entry === "number") return score + entry;
      return entry ? score : -Infinity;
    }),
  );
}

/**
 * Turn a row of scores into weights: exp(s_j / T) over the sum of all. The largest score is subtracted first, so that
 * exp cannot overflow. A score of -Infinity gets weight 0; where all are, all weights are 0.
 * @param {readonly number[]} scores shape (n_keys,)
 * @param {number} [temperature]
 * @returns {number[]} shape (n_keys,)
 */
export function softmaxRow(scores, temperature = 1) {
  const largest = Math.max(...scores);
  const reference = largest === -Infinity ? 0 : largest;
  const exponentials = scores.map((score) => Math.exp((score - reference) / temperature));
  let total = 0;
  for (const exponential of exponentials) total += exponential;
  return exponentials.map((exponential) => (total === 0 ? 0 : exponential / total));
}

/**
 * Softmax of every row.
 * @param {Matrix} scores shape (n_queries, n_keys)
 * @param {number} [temperature]
 * @returns {number[][]} shape (n_queries, n_keys)
 */
export function softmax(scores, temperature = 1) {
  return scores.map((row) => softmaxRow(row, temperature));
}

/**
 * The product of two matrices.
 * @param {Matrix} left shape (rows, n)
 * @param {Matrix} right shape (n, columns)
 * @returns {number[][]} shape (rows, columns)
 */
function matrixProduct(left, right) {
  return left.map((row) => {
    const sums = new Array(columnCount(right)).fill(0);
    row.forEach((factor, middle) => {
      for (let column = 0; column < sums.length; column += 1) sums[column] += factor * right[middle][column];
    });
    return sums;
  });
}

/**
 * output_i = sum_j weights[i][j] v_j
 * @param {Matrix} weights shape (n_queries, n_keys)
 * @param {Matrix} value shape (n_keys, d_v)
 * @returns {number[][]} shape (n_queries, d_v)
 */
export function weightedSum(weights, value) {
  if (weights.length > 0 && columnCount(weights) !== value.length) {
    throw new RangeError(`weights and value disagree on n_keys: ${columnCount(weights)} against ${value.length}`);
  }
  return matrixProduct(weights, value);
}

/**
 * Map every token vector through one matrix: x W.
 * @param {Matrix} x shape (seq_len, d_in)
 * @param {Matrix} weight shape (d_in, d_out)
 * @returns {number[][]} shape (seq_len, d_out)
 */
export function project(x, weight) {
  if (x.length > 0 && columnCount(x) !== weight.length) {
    throw new RangeError(`x and weight disagree on d_in: ${columnCount(x)} against ${weight.length}`);
  }
  return matrixProduct(x, weight);
}

/**
 * How much each query attends to each key: softmax(Q K^T / sqrt(d_k)), row by row.
 * @param {Matrix} query shape (n_queries, d_k)
 * @param {Matrix} key shape (n_keys, d_k)
 * @param {AttentionOptions} [options]
 * @returns {number[][]} shape (n_queries, n_keys)
 */
export function attentionWeights(query, key, options = {}) {
  const { mask = null, isCausal = false, offset = 0, window = null, scale = null, temperature = 1 } = options;
  const scores = scaledScores(query, key, scale);
  const joined = combineMasks(
    mask,
    isCausal ? causalMask(query.length, key.length, offset) : null,
    window === null ? null : slidingWindowMask(query.length, key.length, window, offset),
  );
  return softmax(joined === null ? scores : maskedScores(scores, joined), temperature);
}

/**
 * softmax(Q K^T / sqrt(d_k)) V
 * @param {Matrix} query shape (n_queries, d_k)
 * @param {Matrix} key shape (n_keys, d_k)
 * @param {Matrix} value shape (n_keys, d_v)
 * @param {AttentionOptions} [options]
 * @returns {number[][]} shape (n_queries, d_v)
 */
export function attention(query, key, value, options = {}) {
  return weightedSum(attentionWeights(query, key, options), value);
}
