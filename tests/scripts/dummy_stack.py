"""`binhchon` with small stand-ins for the API, workers and ticker: for tests of how a stack starts and stops.

The servers are the real ones. Each stand-in writes `<name> <event>` lines to DATA_DIR/events.
"""

import sys
from pathlib import Path

from models.settings import settings
from scripts import children, cli
from scripts.supervisor import ChildSpec

STAND_IN = """
import os, signal, socket, sys, time
name, folder, fd = sys.argv[1], sys.argv[2], int(sys.argv[3])
def tell(event):
    with open(folder + "/events", "a") as file:
        file.write(f"{name} {event}\\n")
def stop(number, frame):
    tell("stop")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, lambda number, frame: tell("interrupted"))
tell("start")
if name in ("prepare", "drain"):
    sys.exit(0)
if fd >= 0:
    listener = socket.socket(fileno=fd)
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
while True:
    time.sleep(60)
"""


def _stand_in(context, role, name, words, fds=(), *, once=False, own=None) -> ChildSpec:
    listener = str(fds[0]) if fds else "-1"
    command = [sys.executable, "-c", STAND_IN, name, str(settings().data_dir), listener]

    def start():
        return children.process.spawn(
            command,
            death_signal=children.signal.SIGKILL,
            log=Path(context.log(name)),
            pass_fds=(context.roles_lock, *fds),
        )

    return ChildSpec(role, name, start, once=once)


if __name__ == "__main__":
    children._ours = _stand_in
    cli.main()
