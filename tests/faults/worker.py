"""`python -m tests.faults.worker worker`: a worker that strikes itself down at a named point, as its environment says.

CRASH_POINT names it (`tests.faults.crash_points`), CRASH_PASSAGE says at which passage, CRASH_SIGNAL how: SIGKILL or
SIGSTOP.
"""

import os
import signal

from app import cli
from tests.faults import crash_points

if __name__ == "__main__":
    crash_points.arm(
        os.environ["CRASH_POINT"],
        int(os.environ["CRASH_PASSAGE"]),
        signal.Signals[os.environ["CRASH_SIGNAL"]],
    )
    cli.main()
