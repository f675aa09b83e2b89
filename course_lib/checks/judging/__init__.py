"""Decide about an answer and say why: a function, the letter of a prediction, an order of lines."""
