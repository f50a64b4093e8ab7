"""Parts of a rollout that work at the same time: how far they are ahead of each other, and what becomes of errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import torch

from drivesim.rollout.pipeline import ahead, shared_processors


def test_a_part_is_one_item_ahead_and_no_more():
    made: list[int] = []
    reached = [threading.Event() for _ in range(6)]

    def numbers() -> Iterator[int]:
        for number in range(6):
            made.append(number)
            reached[number].set()
            yield number

    for number in ahead(numbers()):
        if number < 5:
            assert reached[number + 1].wait(10)  # while this one is in use
        assert made == list(range(min(6, number + 2)))


def test_parts_work_in_threads_of_their_own_with_fewer_of_torchs_threads():
    before = torch.get_num_threads()

    def whose() -> Iterator[tuple[str, int]]:
        yield threading.current_thread().name, torch.get_num_threads()

    def with_mine(items: Iterator[tuple[str, int]]) -> Iterator[list[tuple[str, int]]]:
        for item in items:
            yield [item, *whose()]

    with shared_processors():
        ((first, second),) = ahead(with_mine(ahead(whose())))
        assert torch.get_num_threads() == first[1] == second[1] == max(1, before // 2)
        assert len({first[0], second[0], threading.current_thread().name}) == 3
    assert torch.get_num_threads() == before


def test_an_error_is_raised_where_items_are_asked_for_after_those_before_it():
    def numbers() -> Iterator[int]:
        yield 1
        raise ArithmeticError("no more")

    items = ahead(ahead(numbers()))
    assert next(items) == 1
    with pytest.raises(ArithmeticError, match="no more"):
        next(items)


def test_whoever_asks_no_more_ends_the_thread():
    ended = threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield from range(100)
        finally:
            ended.set()

    before = threading.active_count()
    with closing(numbers()) as source, closing(ahead(source)) as items:
        assert next(items) == 0
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert ended.is_set()
