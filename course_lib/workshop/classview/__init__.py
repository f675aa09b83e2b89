"""The room at a glance, for the instructor: who is where, which mistakes are in the room; for learners their own row.

`results` keeps what the learners' checks found, `room` reckons what is to be seen, `service` answers the browser.
"""
