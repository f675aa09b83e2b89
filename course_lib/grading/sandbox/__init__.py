"""The jail, seen from outside: what is shut on this machine, what goes in, and the process that stands ready inside."""
