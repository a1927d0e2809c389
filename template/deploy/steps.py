"""Take a new version through the steps of the plan; whatever goes wrong, the old one is back."""

import time
from collections.abc import Callable
from typing import Protocol

from .plan import Abort, Figures, Plan, RolloutError, Step

Say = Callable[[str], None]


class Platform(Protocol):
    """Where a version runs; each call returns when it is done."""

    pause: float  # seconds between two looks at the figures

    def settle(self) -> None:
        """Leave the version in service alone in service, whatever was interrupted before."""

    def start(self) -> bool:
        """Bring the new version up and try it, without traffic; false when nothing was before."""

    def apply(self, step: Step) -> None:
        """Give the new version what the step says."""

    def seen(self) -> Figures:
        """Tell how the new version has answered since the step began."""

    def finish(self) -> None:
        """Make the new version the one in service."""

    def back(self) -> None:
        """Bring the old version back."""


def roll(platform: Platform, plan: Plan, say: Say) -> None:
    """Put the new version into service. Raises what stopped it, when the old one is back."""
    platform.settle()
    try:
        for step in plan.steps if platform.start() else ():
            say(f"{step}, monitored for {step.bake:g} s")
            platform.apply(step)
            watch(platform, plan.abort, step.bake, say)
        platform.finish()
    except BaseException as error:  # a signal, too, must not leave half a rollout behind
        say(f"aborted: {error or type(error).__name__}")
        began = time.monotonic()
        platform.back()
        say(f"the version before is back in service, after {time.monotonic() - began:.1f} s")
        raise


def watch(platform: Platform, abort: Abort, bake: float, say: Say) -> None:
    """Look at the figures until the time is over. Raises RolloutError when they are too bad."""
    end = time.monotonic() + bake
    while True:
        left = end - time.monotonic()
        time.sleep(max(0.0, min(platform.pause, left)))
        seen = platform.seen()
        if reason := abort.reason(seen):
            raise RolloutError(reason)
        if left <= platform.pause:
            judged = "" if seen.requests >= abort.min_requests else "; too few to be judged"
            say(f"  {seen}{judged}")
            return
