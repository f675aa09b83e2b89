// Weights that sum to 1: how the others follow when one of them moves.

/**
 * Weights with sum 1: the moved one as it is (between 0 and 1), the others in their proportions.
 * @param {readonly number[]} weights
 * @param {number} moved
 * @returns {number[]}
 */
export function makeRoom(weights, moved) {
  if (weights.length === 1) return [1];
  const kept = Math.min(Math.max(weights[moved], 0), 1);
  let others = weights.map((weight, place) => (place === moved ? 0 : Math.max(weight, 0)));
  if (sumOf(others) <= 0) others = weights.map((_, place) => (place === moved ? 0 : 1)); // nobody has anything: all alike
  const factor = (1 - kept) / sumOf(others);
  return others.map((weight, place) => (place === moved ? kept : weight * factor));
}

/**
 * Weights with sum 1 and none below 0, their proportions kept; equal ones where none is above 0.
 * @param {readonly number[]} weights
 * @returns {number[]}
 */
export function sharesOf(weights) {
  const positive = weights.map((weight) => Math.max(weight, 0));
  const total = sumOf(positive);
  return positive.map((weight) => (total <= 0 ? 1 / weights.length : weight / total));
}

/** @param {readonly number[]} numbers */
export function sumOf(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
