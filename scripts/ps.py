"""`binhchon ps`: what runs, by role and process id."""

import json

from models.settings import Settings
from scripts import stack

NOT_RUNNING = 3


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the processes of the running stack. Exit code 3 when none runs."""
    found = stack.processes(settings.data_dir)
    if as_json:
        print(json.dumps(found))
    elif found:
        for process in found:
            print(f"{process['pid']:>8}  {process['role']}")
    else:
        print(f"no stack is running on {settings.data_dir}")
    return 0 if found else NOT_RUNNING
