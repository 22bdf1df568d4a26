"""A whole stack of real processes, as `binhchon up` runs it, in a folder and on a port of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from loadtests.ports import free_port
from tests.servers import denied, wait_for

BINHCHON = Path(sys.executable).with_name("binhchon")


class Stack:
    """`start` waits for the line that says that it is ready."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_KEY", "_KEYS"))}
        self.environment = (
            kept | {"DATA_DIR": str(folder), "PORT": str(self.port), "WEB_CONCURRENCY": "2"} | environment
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Stack":
        output = self.folder.with_name(self.folder.name + ".out")
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [BINHCHON, "up"], env=self.environment, stdout=file, stderr=file, start_new_session=True
            )
        wait_for(
            lambda: b"is ready" in output.read_bytes() or self.process.poll() is not None, 60, "the stack is ready"
        )
        assert self.process.poll() is None, output.read_text()
        return self

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BINHCHON, *words], env=self.environment, capture_output=True, text=True, timeout=60, check=check
        )

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = json.loads(self.run("status", "--json", check=False).stdout)
        return status

    def pids(self, role: str) -> list[int]:
        listed = json.loads(self.run("ps", "--json", check=False).stdout)
        return [process["pid"] for process in listed if process["role"] == role]

    def address_of(self, name: str) -> str:
        lines = (self.folder / "stack.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)[name]

    def kill(self, role: str) -> None:
        """`kill -9` of every process of the role."""
        for pid in self.pids(role):
            os.kill(pid, signal.SIGKILL)

    def kill_supervisor(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Also sees that box and ledger refused its processes nothing: each may do what it does."""
        assert self.process is not None
        refused: list[str] = []
        if self.process.poll() is None:
            refused = self.refused()
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(60)
        assert refused == []
        return status

    def refused(self) -> list[str]:
        """What a process of the stack was not allowed to do: in the box since its start, in the ledger ever."""
        secret, log = self.folder / "secrets" / "box_admin_password", self.folder / "logs" / "postgres.log"
        found: list[str] = []
        if secret.exists():
            url = self.address_of("BALLOT_BOX_URL").rpartition("@")[2]
            with suppress(redis.ConnectionError, redis.TimeoutError):
                found += denied(f"unix://admin:{secret.read_text().strip()}@{url}")
        if log.exists():
            found += re.findall(r"ERROR:  (?:permission denied|must be owner).*", log.read_text(errors="replace"))
        return found
