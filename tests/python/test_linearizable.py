"""The check of histories itself: what it must let pass, and what it must find."""

import itertools
import math
import random

import pytest
from support.linearizable import Operation, is_linearizable


def read(value, begun, ended):
    return Operation("read", value, begun, ended)


def write(value, begun, ended=math.inf):
    return Operation("write", value, begun, ended)


def cas(expected, value, begun, ended=math.inf):
    return Operation("cas", value, begun, ended, expected)


POSSIBLE = {
    "nothing happened": [],
    "a read after a write": [write("a", 0, 1), read("a", 2, 3)],
    "a read beside a write sees the old": [write("a", 0, 5), read(None, 1, 2)],
    "a read beside a write sees the new": [write("a", 0, 5), read("a", 1, 2)],
    "a write without an answer is seen later": [write("a", 0), read(None, 1, 2), read("a", 3, 4)],
    "a write without an answer is never seen": [write("a", 0), read(None, 1, 2)],
    "a swap without an answer on a write without one": [write("a", 0), cas("a", "b", 1), read("b", 2, 3)],
    "swaps in a row": [cas(None, "a", 0, 1), cas("a", "b", 2, 3), read("b", 4, 5)],
}

IMPOSSIBLE = {
    "an acknowledged write is lost": [write("a", 0, 1), read(None, 2, 3)],
    "the old comes back": [write("a", 0, 1), write("b", 2, 3), read("b", 4, 5), read("a", 6, 7)],
    "two reads beside a write see the new, then the old": [write("a", 0, 9), read("a", 1, 2), read(None, 3, 4)],
    "two swaps of the same value": [write("a", 0, 1), cas("a", "b", 2, 5), cas("a", "c", 2, 5)],
    "a value from nowhere": [write("a", 0, 1), read("z", 2, 3)],
    "a write without an answer is seen before its call": [read("a", 0, 1), write("a", 2)],
}


@pytest.mark.parametrize("operations", POSSIBLE.values(), ids=POSSIBLE)
def test_what_can_have_happened_passes(operations):
    assert is_linearizable(operations)


@pytest.mark.parametrize("operations", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_have_happened_is_found(operations):
    assert not is_linearizable(operations)


def by_every_order(operations):
    """The same answer by trying every order of every choice of those without an answer."""
    certain = [one for one in operations if math.isfinite(one.ended)]
    open_ones = [one for one in operations if math.isinf(one.ended)]
    for chosen in itertools.chain.from_iterable(itertools.combinations(open_ones, n) for n in range(len(open_ones) + 1)):
        for order in itertools.permutations([*certain, *chosen]):
            if any(later.ended < earlier.begun for at, earlier in enumerate(order) for later in order[at + 1:]):
                continue
            state, possible = None, True
            for one in order:
                can, state = one.after(state)
                possible = possible and can
            if possible:
                return True
    return False


def test_the_search_agrees_with_every_order_tried(chance):
    agreed = {True: 0, False: 0}
    for _ in range(600):
        operations = [_any(chance, number) for number in range(5)]
        expected = by_every_order(operations)
        assert is_linearizable(operations) == expected, operations
        agreed[expected] += 1
    assert min(agreed.values()) > 50, agreed


def _any(chance: random.Random, number):
    begun = chance.randrange(12)
    ended = math.inf if chance.random() < 0.2 else begun + 1 + chance.randrange(8)
    known = chance.choice([None, *(str(n) for n in range(5))])
    kind = chance.choice(["read", "write", "cas"])
    if kind == "read":
        return read(known, begun, begun + 1 + chance.randrange(8))
    return write(str(number), begun, ended) if kind == "write" else cas(known, str(number), begun, ended)
