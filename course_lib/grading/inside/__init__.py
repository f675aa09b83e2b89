"""What runs inside the jail: the process that is forked for each submission, how it locks itself in, and what it serves.

Nothing here knows a task, an expected value or a point. The jail gets a copy of these modules, of `protocol`, of the
course's running of answers, and of the library without what the exercise asks for.
"""
