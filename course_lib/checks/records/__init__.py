"""What a learner has tried and passed: the file, its summary, and the way to another machine."""
