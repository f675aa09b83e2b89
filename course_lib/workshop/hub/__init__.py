"""The parts that JupyterHub runs: the entrance, the spawner, the class view's identity, and the Hub itself.

Nothing else of the workshop imports JupyterHub, which is an extra of the course (``[workshop]``).
"""
