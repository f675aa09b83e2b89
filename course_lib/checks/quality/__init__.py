"""How good the checks are: known right and wrong programs, mutants of the right ones, and what becomes of them."""
