"""A real OpenID provider (npm's oidc-provider on Node) in a process of its own, and a browser's way through it."""

import html
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from models.settings import ROOT
from tests.servers import wait_for

SECRET = "a secret/with+signs&="
NODE = Path(sys.executable).with_name("node")
INSTALLED = ROOT / "node_modules" / "oidc-provider"


def need_installed() -> None:
    """Where npm's packages are missing a visible skip, in CI a failure."""
    if not INSTALLED.is_dir():
        reason = "node_modules has no oidc-provider: run `make install`"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


class RealProvider:
    """Listens on `issuer` from `start` to `stop`."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, callback: str) -> None:
        script = Path(__file__).with_name("oidc_provider.mjs")
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                [NODE, script, str(self.port), callback],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
            )
        wait_for(lambda: b"ready" in self.log.read_bytes(), seconds=30, what=f"the provider listens, see {self.log}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.communicate(timeout=10)  # NODE is a wrapper: a signal to it would leave Node itself running


def leads_to(page: httpx.Response) -> str:
    """The address that the page after the button sends the browser to."""
    assert page.status_code == 200, page.text
    found = re.search(r'<meta http-equiv="refresh" content="0; url=([^"]*)">', page.text)
    assert found, page.text
    return html.unescape(found[1])


def to_the_form(browser: httpx.Client, address: str) -> str:
    """From the address of the login to the provider's own form; returns where that form is sent to."""
    response = browser.get(address)
    while response.is_redirect:
        address = urljoin(address, response.headers["location"])
        response = browser.get(address)
    assert response.status_code == 200, response.text
    assert "<form" in response.text
    return address


def back_from(browser: httpx.Client, form: str, **fields: str) -> str:
    """Sends the provider's form and follows it to the address of our callback."""
    response = browser.post(form, data=fields)
    address = form
    while True:
        assert response.is_redirect, response.text
        address = urljoin(address, response.headers["location"])
        if urlsplit(address).path.endswith("/callback"):
            return address
        response = browser.get(address)
