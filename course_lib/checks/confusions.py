"""The documented confusions in a few words each; a message, a test and the catalogue share the id."""

CONFUSIONS = {
    "M01": "scores, weights and output mixed up",
    "M02": "the scale left out",
    "M03": "scaled by something other than sqrt(d_k)",
    "M04": "expecting sqrt(d_k) to undo any rescaling of the inputs",
    "M05": "expecting to see the variance d_k in a single draw",
    "M06": "softmax over the wrong axis",
    "M07": "K Qᵀ for Q Kᵀ",
    "M10": "one weight for queries, keys and values",
    "M11": "a hard look-up in place of a weighted one",
    "M28": "the dot product taken for similarity whatever the length",
}
