"""Draw a verdict in a notebook, and ask questions there."""
