// Positions: sinusoids that are added, rotations of pairs, biases that grow with the distance.
// course_lib.attention is the specification, as of ../attention.js.

/** @typedef {import("../attention.js").Matrix} Matrix */

/**
 * The angle that pair `i` turns by from one position to the next.
 * @param {number} i
 * @param {number} nComponents
 * @param {number} base
 */
function pairFrequency(i, nComponents, base) {
  return base ** -((2 * i) / nComponents);
}

/**
 * Give every position a vector of its own: components 2i and 2i + 1 of position p are sin(p w_i) and cos(p w_i).
 * @param {number} seqLen
 * @param {number} dModel
 * @returns {number[][]} shape (seq_len, d_model)
 */
export function sinusoidalPositions(seqLen, dModel) {
  return Array.from({ length: seqLen }, (_, position) =>
    Array.from({ length: dModel }, (__, component) => {
      const angle = position * pairFrequency(Math.floor(component / 2), dModel, 10_000);
      return component % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
    }),
  );
}

/**
 * Turn each pair of components by an angle that grows with the position: pair i at position p by p base^(-2i / d_k).
 * @param {Matrix} x shape (seq_len, d_k), d_k even
 * @param {readonly number[]} positions shape (seq_len,), the position of each token
 * @param {{base?: number, interleaved?: boolean}} [options] which components are a pair: neighbours, or i and i + d_k / 2
 * @returns {number[][]} shape (seq_len, d_k)
 */
export function rotate(x, positions, { base = 10_000, interleaved = true } = {}) {
  if (positions.length !== x.length) {
    throw new RangeError(`there must be one position for each of the ${x.length} rows, not ${positions.length}`);
  }
  return x.map((row, token) => rotatedRow(row, positions[token], base, interleaved));
}

/**
 * @param {readonly number[]} row
 * @param {number} position
 * @param {number} base
 * @param {boolean} interleaved
 */
function rotatedRow(row, position, base, interleaved) {
  const nPairs = row.length / 2;
  if (!Number.isInteger(nPairs)) throw new RangeError(`components turn in pairs, but d_k=${row.length} is odd`);
  const rotated = [...row];
  for (let pair = 0; pair < nPairs; pair += 1) {
    const [first, second] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + nPairs];
    const angle = position * pairFrequency(pair, row.length, base);
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    rotated[first] = row[first] * cos - row[second] * sin;
    rotated[second] = row[first] * sin + row[second] * cos;
  }
  return rotated;
}

/**
 * Slopes of 2^k heads fall by one factor to 2^-8; other numbers of heads borrow every second one of twice as many.
 * @param {number} nHeads
 * @returns {number[]} shape (n_heads,)
 */
export function alibiSlopes(nHeads) {
  const power = 2 ** Math.floor(Math.log2(nHeads));
  const slopes = Array.from({ length: power }, (_, head) => 2 ** ((-8 * (head + 1)) / power));
  const between = Array.from({ length: nHeads - power }, (_, head) => 2 ** ((-8 * (2 * head + 1)) / (2 * power)));
  return [...slopes, ...between];
}

/**
 * Make every head prefer near keys, each with a slope of its own: -m_h |i + offset - j|, to add to the scores.
 * @param {number} nHeads
 * @param {number} nQueries
 * @param {number} nKeys
 * @param {number} [offset]
 * @returns {number[][][]} shape (n_heads, n_queries, n_keys)
 */
export function alibiBias(nHeads, nQueries, nKeys, offset = 0) {
  return alibiSlopes(nHeads).map((slope) =>
    Array.from({ length: nQueries }, (_, i) =>
      Array.from({ length: nKeys }, (__, j) => -slope * Math.abs(i + offset - j)),
    ),
  );
}
