"""What to say to the room when many people share a mistake: one sentence, which never is the corrected line.

Each asks or points at something that the learners can look at; a test holds one for every documented confusion.
"""

SAY = {
    "M01": "Put your hand on the array whose rows sum to 1: is that the scores, the weights, or the output?",
    "M02": "Drag d_k from 4 to 256 and watch the entropy of a row: what would keep it where it was?",
    "M03": "Divide your scores by the expected ones, entry by entry: the ratio is one number, and it has a name.",
    "M04": "Multiply every key by 100 and look at the weights again: which sizes does the square root know of?",
    "M05": "One draw shows nothing about a spread: draw a thousand, and look at the histogram.",
    "M06": "Write the row sums and the column sums beside your weights: who shares out, the query or the key?",
    "M07": "Row i must belong to query i: with 3 queries and 5 keys, which shape does your matrix have?",
    "M08": "Count the numbers in the two matrices and in their product: what does the narrow middle save?",
    "M09": "Compute the score from A to B and from B to A on paper: are they the same number?",
    "M10": "With one weight for all, the scores are every token with itself: who would always look at whom?",
    "M11": "A dictionary gives one value or none: what does a softmax give when two keys fit equally well?",
    "M12": "What is e to the power of 0? Look at the weight of the token that you wanted to hide.",
    "M13": "Add up one row of your weights after the mask: is it still 1, and who lost the difference?",
    "M14": "Put your constant beside the real scores: is it really smaller than all of them, by far?",
    "M15": "Say it aloud: True means may attend. Now read the first row of your mask.",
    "M16": "What should a query give that may look at nothing? Try it alone: one row, everything forbidden.",
    "M17": "In training the whole sentence is known: which positions could be computed at the same time?",
    "M18": "One mask forbids the future, the other empty places: which depends on the sentence's length?",
    "M19": "Change one component of the input and watch the heads: how many of them move?",
    "M20": "Colour the tokens before the split: after it, does each head still hold whole tokens?",
    "M21": "Set W_output to the identity: which head could still learn from which?",
    "M22": "Shuffle the tokens and watch the outputs: did they stay where they were, or go along?",
    "M23": "Look at the shape of what you add: does each token get a position, or each component?",
    "M24": "Half of the weights are gone and the rest doubled: what do you expect one row to sum to?",
    "M25": "Give a large weight to a value of zeros: what does it change in the output?",
    "M26": "Switch that head off and measure: does the model miss what you think it did?",
    "M27": "A new token arrives: of which old vectors does it read, and of which never again?",
    "M28": "Keep the angle and double the length of a key: does it become more similar, or only larger?",
}
