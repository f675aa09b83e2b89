"""What people read: a page for each learner, a table of the class. Text of learners is hostile until it is escaped."""
