"""A server's line to the page that sends every message of a kernel at once."""

from typing import Any

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Jupyter's connection between kernel and page, without the wait for more to send.

    A computer holds a small message back until the one before it has arrived (TCP_NODELAY is off). A kernel answers
    with several small ones, so that a number set in Python would come up to 40 ms later than it could.
    """

    def connect(self) -> Any:
        """Open the line, and let every message go at once."""
        self.websocket_handler.set_nodelay(True)
        return super().connect()
