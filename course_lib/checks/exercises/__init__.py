"""The tasks: one module per exercise, same number; how their inputs are drawn, and the mistakes that several share."""
