"""Whether this worker process has been asked to stop: jobs that work in slices look at it and end early."""

import threading

stopping = threading.Event()
