"""What runs inside the jail: the process that is forked for a submission, how it locks itself in, what it serves.

Nothing here knows a task, an expected value or a point. The jail gets a copy of these modules, of `protocol`, of the
course's running of answers, and of the library without what the exercise asks for.
"""
