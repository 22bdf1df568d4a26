"""`binhchon api`: one uvicorn process on a socket that the supervisor opened, or a small group of its own."""

import gc
import os
import resource
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from models.logging import configure
from models.settings import Settings, settings

if TYPE_CHECKING:
    from api.fast_path import FastPath

BACKLOG = 4_096  # connections that wait while an API process restarts
GRACE_S = 5  # for requests that are under way when the process is told to stop
KEEP_ALIVE_S = 65  # longer than nginx keeps its own idle connections (60 s), so that nginx is the one to close them

GC_THRESHOLD = (20_000, 50, 100)  # a batch of votes allocates thousands of objects, all gone with its answers


def serve(chosen: Settings, fd: int | None = None) -> int:
    """Serves until SIGTERM or SIGINT, answers what is under way, and returns the exit code.

    `fd`: a listening socket that is inherited; None: HOST and PORT, with WEB_CONCURRENCY processes.
    """
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    configure(chosen, "api")
    _allow_connections()
    if fd is None and chosen.web_concurrency > 1:
        use_metrics_directory(chosen.data_dir, leader=os.getpid())
        config = uvicorn_config(chosen, "api.serve:application", factory=True)
        Multiprocess(config, sockets=[config.bind_socket()]).run()
        return 0
    app = _application(chosen, leader=os.getppid())
    sockets = [socket.socket(fileno=fd)] if fd is not None else None
    uvicorn.Server(uvicorn_config(chosen, app)).run(sockets=sockets)
    return 0


def _allow_connections() -> None:
    """A connection is an open file: as many as this process may have at all, where it begins with fewer. Others that it
    starts have them too.
    """
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def application() -> "FastPath":
    """The application of one process of uvicorn's own group, with the settings of the environment."""
    chosen = settings().require_stack()
    configure(chosen, "api")
    return _application(chosen, leader=os.getppid())


def use_metrics_directory(data_dir: Path, leader: int) -> Path:
    """The folder in which the API processes of one leader (supervisor or uvicorn's parent) count together.

    It is the leader's alone: its name holds the leader's pid and start time. What leaders left who are dead is removed;
    counts of a process that died stay until its leader goes, so that no counter goes back.
    """
    folder = data_dir / "metrics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mine = folder / _leader_name(leader or os.getpid())  # pid 0: the leader is outside this container
    mine.mkdir(mode=0o700, exist_ok=True)
    for other in folder.iterdir():
        if other != mine and other.name != _leader_name(int(other.name.partition("-")[0])):
            shutil.rmtree(other, ignore_errors=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(mine)  # noqa: TID251 - prometheus-client reads it when it is imported
    return mine


def _leader_name(pid: int) -> str:
    """Pid and start time (proc(5), field 22): a pid alone may come again."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return f"{pid}-gone"
    return f"{pid}-{stat.rpartition(')')[2].split()[19]}"


def _application(chosen: Settings, leader: int) -> "FastPath":
    directory = use_metrics_directory(chosen.data_dir, leader)
    from api.app import create_app  # noqa: PLC0415 - after PROMETHEUS_MULTIPROC_DIR is set

    app = create_app(chosen, directory)
    gc.freeze()  # what is there now stays: not looked through again
    gc.set_threshold(*GC_THRESHOLD)
    return app


def uvicorn_config(chosen: Settings, app: "FastPath | str", *, factory: bool = False) -> uvicorn.Config:
    """How every process of the API serves; `factory`: `app` names a function that makes it, in a group of processes."""
    return uvicorn.Config(
        app,
        factory=factory,
        host=chosen.host,
        port=chosen.port,
        workers=chosen.web_concurrency if factory else 1,
        loop="uvloop",
        http="api.lane:VoteLane",  # by name: it imports what must not be there before PROMETHEUS_MULTIPROC_DIR is
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # a line a vote would cost more than the vote
        server_header=False,
        proxy_headers=False,  # TRUSTED_PROXIES is honoured where evidence is taken
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )


def _end(_signal: int, _frame: FrameType | None) -> None:
    """Before uvicorn listens for signals, and after it has stopped for one: an orderly end."""
    sys.exit(0)
