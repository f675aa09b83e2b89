"""What a kernel says reaches the page at once."""

from types import SimpleNamespace

import pytest

pytest.importorskip("jupyter_server")

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection

from course_lib.lab import PROMPT
from course_lib.lab_socket import PromptConnection


def test_the_line_waits_for_nothing_more_to_send(monkeypatch):
    done = []

    def connect(self):
        done.append("connected")

    monkeypatch.setattr(ZMQChannelsWebsocketConnection, "connect", connect)
    handler = SimpleNamespace(set_nodelay=lambda on: done.append(f"at once: {on}"))
    line = PromptConnection.__new__(PromptConnection)
    line._trait_values = {**line._trait_values, "websocket_handler": handler}
    line.connect()
    assert done == ["at once: True", "connected"]


def test_the_option_that_the_course_starts_with_names_this_line():
    server = ServerApp()
    server.parse_command_line(PROMPT)
    assert server.config.ServerApp.kernel_websocket_connection_class == "course_lib.lab_socket.PromptConnection"
    server.kernel_websocket_connection_class = server.config.ServerApp.kernel_websocket_connection_class
    assert server.kernel_websocket_connection_class is PromptConnection
