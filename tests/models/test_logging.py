import json
import subprocess
import sys

LOG = """
import logging, structlog, sys
from models.logging import configure
from models.settings import Settings
configure(Settings(environment=sys.argv[1], public_origin="https://example.vn", log_level="info"), "worker")
log = structlog.get_logger()
log.info("a vote", entry=12, token="s3cret", database_url="postgres://s3cret")
logging.getLogger("uvicorn.error").warning("from a library: %s", "text")
log.debug("s3cret: not at this level")
logging.getLogger("httpx").info("GET https://gateway.example/?key=s3cret")
logging.getLogger("httpcore.connection").debug("s3cret")
def fails(password):
    raise ValueError("no good")
try:
    fails("s3cret")
except ValueError:
    log.exception("it failed")
"""


def logged(environment):
    done = subprocess.run([sys.executable, "-c", LOG, environment], check=True, capture_output=True, text=True)
    assert done.stdout == ""
    assert "s3cret" not in done.stderr.replace('fails("s3cret")', "")  # the source line itself
    return done.stderr


def test_json_lines_in_production():
    vote, library, failure = [json.loads(line) for line in logged("production").splitlines()]
    assert vote | {"timestamp": ""} == {
        "event": "a vote",
        "entry": 12,
        "token": "[hidden]",
        "database_url": "[hidden]",
        "level": "info",
        "role": "worker",
        "timestamp": "",
    }
    assert (library["event"], library["level"], library["role"]) == ("from a library: text", "warning", "worker")
    assert "ValueError: no good" in failure["exception"]


def test_readable_lines_in_the_demo():
    text = logged("demo")
    assert "a vote" in text
    assert "ValueError: no good" in text
