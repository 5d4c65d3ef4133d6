"""What a start has told so far: kept whole, so that a page that is loaded again reads it from its beginning."""

import asyncio
from collections.abc import AsyncIterator

Event = dict[str, object]


class Progress:
    """The events of one start. A line that says the same as the one before it is left out."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._news = asyncio.Event()
        self._subject: object = None
        self.finished = False

    def tell(self, progress: int, message: str, subject: object = None, **more: object) -> None:
        """Add an event, with *progress* in percent; *subject* (the message when left out) says what it is about:
        a second event in a row about the same is dropped, even where its words count seconds."""
        subject = message if subject is None else subject
        if subject != self._subject:
            self._subject = subject
            self._events.append({"progress": progress, "message": message, **more})
            self._wake()

    @property
    def last(self) -> str:
        """What was told last; empty before anything was."""
        return str(self._events[-1]["message"]) if self._events else ""

    def finish(self) -> None:
        """Nothing more will be told."""
        self.finished = True
        self._wake()

    async def replay(self) -> AsyncIterator[Event]:
        """Every event from the first on, then each new one, until the start is finished."""
        told = 0
        while True:
            news = self._news
            while told < len(self._events):
                yield dict(self._events[told])
                told += 1
            if self.finished:
                return
            await news.wait()

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
