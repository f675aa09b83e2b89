"""Notebooks from people you don't know, marked: intake, jail, marking, gradebook, reports. No notebook imports it.

A submission is bytes until `intake` made cells of it, and its code runs nowhere but inside the jail. What is expected
and what it is worth never go in there; what comes out is compared here, by the checks that the notebooks call, too.
"""
