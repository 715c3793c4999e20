"""Whether what clients saw of a register can have happened in one order, each operation at some moment between its
call and its answer (Wing and Gong's search, with Lowe's memory of what was tried)."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """`read`: `value` is what was read. `write`: `value` was written. `cas`: `value` was written because `expected`
    was found; one that found something else is a `read` of that. `ended` is infinite where no answer came: such an
    operation happened at any later time, or never."""

    kind: str
    value: str | None
    begun: float
    ended: float
    expected: str | None = None

    def after(self, state):
        """(whether it can be the next one, what the register then holds)"""
        if self.kind == "read":
            return state == self.value, state
        if self.kind == "cas" and state != self.expected:
            return math.isinf(self.ended), state
        return True, self.value


class _Event:
    """A call or an answer, in a list that calls are lifted out of and put back into."""

    def __init__(self, number, operation, answer=None):
        self.number, self.operation, self.answer = number, operation, answer
        self.before = self.following = None

    def lift(self):
        for event in (self, self.answer):
            event.before.following = event.following
            if event.following:
                event.following.before = event.before

    def put_back(self):
        for event in (self.answer, self):
            event.before.following = event
            if event.following:
                event.following.before = event


def _events(operations):
    moments = []
    for number, operation in enumerate(operations):
        answer = _Event(number, operation)
        # At one moment, calls go before answers: then they may have overlapped.
        moments.append((operation.begun, 0, number, _Event(number, operation, answer)))
        moments.append((operation.ended, 1, number, answer))
    head = last = _Event(-1, None)
    for *_, event in sorted(moments, key=lambda moment: moment[:3]):
        last.following, event.before = event, last
        last = event
    return head


def is_linearizable(operations, state=None):
    """Whether `operations` on a register that holds `state` at first can have happened in one order. Values that are
    written must differ from each other."""
    seen = {operation.value for operation in operations if operation.kind == "read"}
    seen |= {operation.expected for operation in operations if operation.kind == "cas" and math.isfinite(operation.ended)}
    # Nobody saw what these wrote, and whether they happened is open: they did not.
    relevant = [one for one in operations if math.isfinite(one.ended) or one.value in seen or _leads_on(one, operations)]
    head = _events(relevant)
    done, tried, way = 0, set(), []
    event = head.following
    while head.following:
        if event.answer:
            possible, then = event.operation.after(state)
            both = (done | 1 << event.number, then)
            if possible and both not in tried:
                tried.add(both)
                way.append((event, state))
                done, state = both
                event.lift()
                event = head.following
            else:
                event = event.following
        elif way:
            event, state = way.pop()
            done &= ~(1 << event.number)
            event.put_back()
            event = event.following
        else:
            return False
    return True


def _leads_on(one, operations):
    """Whether another operation without an answer expected what `one` wrote, so that it may have led to what was seen."""
    return any(math.isinf(other.ended) and other.kind == "cas" and other.expected == one.value for other in operations)
