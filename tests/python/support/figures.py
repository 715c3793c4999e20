"""How long it takes until all is well again: told by the tests that see to it, and made a page of by `make recovery`."""

import json
import os
import statistics
import sys
from pathlib import Path


def recovered(what, until, seconds, gap=None):
    """Tells that `until` came about so many seconds after `what`. `gap` is the longest time, in seconds, that a client
    of the endpoint was without an acknowledged write meanwhile."""
    print(f"{what}: {until} after {seconds:.2f} s" + ("" if gap is None else f", longest gap {gap * 1000:.0f} ms"))
    file = os.environ.get("CETCD_TEST_FIGURES")
    if file:
        with open(file, "a", encoding="utf-8") as lines:
            lines.write(json.dumps({"what": what, "until": until, "seconds": seconds, "gap": gap}) + "\n")


def _time(seconds):
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"


def _range(values):
    middle = _time(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({_time(min(values))} to {_time(max(values))})"


def table(lines):
    """The lines as a table of Markdown: what happened and what was waited for in the order in which they came first."""
    rows = {}
    for line in map(json.loads, lines):
        rows.setdefault((line["what"], line["until"]), []).append(line)
    shown = [("what happens", "until", "median (all)", "times", "clients were without, at most")]
    for (what, until), found in rows.items():
        gaps = [one["gap"] for one in found if one["gap"] is not None]
        without = _time(max(gaps)) if gaps else ""
        shown.append((what, until, _range([one["seconds"] for one in found]), str(len(found)), without))
    widths = [max(map(len, column)) for column in zip(*shown)]
    rule = tuple("-" * width for width in widths)
    return ["| " + " | ".join(word.ljust(width) for word, width in zip(row, widths)) + " |" for row in (shown[0], rule, *shown[1:])]


if __name__ == "__main__":
    print("\n".join(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())))
