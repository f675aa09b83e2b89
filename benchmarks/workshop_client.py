"""A learner without a browser: joins a workshop, starts a server, runs cells in a kernel."""

import json
import re
import struct
import time
import uuid
from typing import Any

import requests
import websocket


class Learner:
    """Somebody in the room.

    Parameters
    ----------
    address : str
        Of the workshop, such as ``"http://127.0.0.1:8000"``.
    name, code : str
    """

    def __init__(self, address: str, name: str, code: str, *, password: str = "") -> None:
        self.address = address
        self.session = requests.Session()
        self.session.headers["Sec-Fetch-Mode"] = "navigate"
        self.name, self.code, self.password = name, code, password
        self.account = self.token = self.pin = ""

    def join(self, pin: str = "") -> requests.Response:
        """Join; afterwards the account and, for a new name, the PIN are known."""
        self.session.get(f"{self.address}/hub/login")
        answer = self.session.post(
            f"{self.address}/hub/login?next=%2Fhub%2Ftoken",
            data={
                "_xsrf": self._xsrf("/hub/"), "username": self.name, "code": self.code, "pin": pin,
                "password": self.password,
            },
        )  # fmt: skip
        if found := re.search(r'id="pin"[^>]*>(\d{3}) (\d{3})<', answer.text):
            self.pin = found[1] + found[2]
        if answer.status_code == 200:
            self.account = self.api("GET", "/hub/api/user").json()["name"]
        return answer

    def _xsrf(self, path: str) -> str:
        return next(
            (cookie.value or "" for cookie in self.session.cookies if cookie.name == "_xsrf" and cookie.path == path),
            "",
        )

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask as the Hub's own pages do: by cookie, with the page's token."""
        headers = {"X-XSRFToken": self._xsrf("/hub/"), "Sec-Fetch-Mode": "cors"}
        return self.session.request(method, f"{self.address}{path}", headers=headers, **options)

    def get_token(self) -> str:
        """Get a token for programs, of everything that this learner may."""
        self.session.get(f"{self.address}/hub/token")
        answer = self.api("POST", f"/hub/api/users/{self.account}/tokens", json={"note": "benchmark"})
        answer.raise_for_status()
        self.token = answer.json()["token"]
        return self.token

    def by_token(self, method: str, path: str, **options: Any) -> requests.Response:
        """Ask as a program does."""
        return requests.request(
            method, f"{self.address}{path}", headers={"Authorization": f"token {self.token}"}, timeout=120, **options
        )

    def start_server(self, *, seconds: float = 600) -> float:
        """Start the server; return the seconds until it answered."""
        begin = time.perf_counter()
        self.by_token("POST", f"/hub/api/users/{self.account}/server").raise_for_status()
        while time.perf_counter() - begin < seconds:
            server = self.by_token("GET", f"/hub/api/users/{self.account}").json()["servers"].get("", {})
            if server.get("ready"):
                return time.perf_counter() - begin
            if not server.get("pending"):
                raise RuntimeError(f"the server of {self.account} did not start")
            time.sleep(0.5)
        raise TimeoutError(f"the server of {self.account} did not start in time")

    def stop_server(self) -> None:
        """Stop the server."""
        self.by_token("DELETE", f"/hub/api/users/{self.account}/server")

    def open_kernel(self) -> "Kernel":
        """Start a kernel in the learner's exercises."""
        answer = self.by_token("POST", f"/user/{self.account}/api/kernels", json={"path": "exercises/any.ipynb"})
        answer.raise_for_status()
        url = f"{self.address.replace('http', 'ws', 1)}/user/{self.account}/api/kernels/{answer.json()['id']}/channels"
        return Kernel(url, self.token)


class Kernel:
    """A kernel behind the Hub's proxy."""

    def __init__(self, url: str, token: str) -> None:
        self._socket = websocket.create_connection(url, header=[f"Authorization: token {token}"], timeout=300)

    def run(self, code: str) -> str:
        """Run code; return what it printed and showed, as text.

        Raises
        ------
        RuntimeError
            With the error of the code.
        """
        message = uuid.uuid4().hex
        self._socket.send(json.dumps({
            "header": {
                "msg_id": message, "msg_type": "execute_request", "username": "", "session": message, "version": "5.3"
            },
            "parent_header": {}, "metadata": {}, "channel": "shell",
            "content": {"code": code, "silent": False, "store_history": True, "allow_stdin": False},
        }))  # fmt: skip
        texts: list[str] = []
        while True:
            reply = self._receive()
            if reply["parent_header"].get("msg_id") != message:
                continue
            kind, content = reply["msg_type"], reply["content"]
            if kind == "stream":
                texts.append(content["text"])
            elif kind in ("display_data", "execute_result"):
                texts.append(content["data"].get("text/plain", ""))
            elif kind == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif kind == "status" and content["execution_state"] == "idle":
                return "\n".join(texts)

    def _receive(self) -> Any:
        """Return the next message; one with buffers, as widgets send them, holds its JSON before these."""
        message = self._socket.recv()
        if isinstance(message, str):
            return json.loads(message)
        start, end = struct.unpack("!II", message[4:12])
        return json.loads(message[start:end])

    def close(self) -> None:
        """Close the connection; the kernel stays."""
        self._socket.close()
