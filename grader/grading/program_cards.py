"""GPUs for students' programs: one student a GPU at a time on this machine, its memory cleared before and after."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.grading.occupancy import Occupancy
from grader.sandbox.card import clear_memory
from grader.trainer.gpus import Cards

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence

    from grader.sandbox.card import Card
    from grader.task.spec import Task


def refuse_gpu(task: Task, *, allowed: bool) -> None:
    """Raise UsageError where the task gives programs a GPU and nobody has accepted that."""
    if task.spec.limits.gpu and not allowed:
        raise UsageError(
            f"{task.id} gives programs a GPU, and the walls around one were never tested on a device; "
            "where you accept that, grade, check, bands and final take --allow-gpu"
        )


class ProgramCards:
    """Lends GPUs to programs. Safe to use from several threads.

    `queue` are the places on them, which trainers of other tasks may have, too. A GPU whose memory `clear` cannot clear,
    which raises GraderFault then, is lent to nobody any more.
    """

    def __init__(
        self,
        cards: Sequence[Card],
        queue: Cards | None = None,
        *,
        occupancy: Occupancy | None = None,
        clear: Callable[[Card], None] = clear_memory,
    ) -> None:
        self._cards = {card.name: card for card in cards}
        self._queue = queue or Cards(list(self._cards), 1)
        self._occupancy = occupancy or Occupancy()
        self._clear = clear

    @contextlib.contextmanager
    def lend(self, stopping: threading.Event) -> Iterator[tuple[Card, Callable[[], None]]]:
        """Yield a GPU that nobody else has, and what clears its memory: to be called before each process that may use it.

        At the end it is cleared once more. Waits until there is a GPU. Raises GraderFault where clearing fails, where no GPU is
        left, and where the batch is stopped.
        """
        with (
            self._queue.place(alone=True) as place,
            self._occupancy.with_card(place.card, stopping),
        ):
            cleared = functools.partial(self._cleared, self._cards[place.card])
            try:
                yield self._cards[place.card], cleared
            finally:
                cleared()

    def _cleared(self, card: Card) -> None:
        try:
            self._clear(card)
        except BaseException as error:  # whatever it was, nobody knows what is left there
            self._queue.withdraw(card.name, str(error))
            raise
