"""Call an answer: in this process, stopped in time, with its cost counted; and what came of the call."""
