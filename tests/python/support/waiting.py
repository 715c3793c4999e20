"""Waiting for a thing to come true, with a word on what it was where it does not."""

import time


def until(what, true, patience=30.0, pause=0.1):
    """Calls `true` until it answers something true, and gives that back."""
    end = time.monotonic() + patience
    while True:
        answer = true()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience:g} s: {what} (last answer: {answer!r})")
        time.sleep(pause)
