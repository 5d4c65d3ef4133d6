"""What the ranks of a parallel run say besides the first: whole lines, each with its rank's number."""

from ihpc_jupyter.client.events import Tail
from ihpc_jupyter.model.mailbox import Mailbox

SHOWN = 64
"""Ranks that are followed: each is a file that is looked at again and again."""


class Ranks:
    """Ranks 1 and up of one attempt; lines read ``3: …``, as `srun --label` has them."""

    def __init__(self, mailbox: Mailbox, attempt: int, tasks: int) -> None:
        self._tails = {rank: Tail(mailbox.events(attempt, rank)) for rank in range(1, min(tasks, SHOWN))}
        self._begun: dict[tuple[int, str], str] = {}
        self._tasks = tasks
        self._told = False

    def look(self, *, last: bool = False) -> list[tuple[str, str]]:
        """What is new: name of the stream and text. Half a line waits, unless this is the *last* look."""
        news = [told for rank, tail in self._tails.items() for told in self._news(rank, tail)]
        if last:
            news += [(name, f"{rank}: {text}\n") for (rank, name), text in self._begun.items() if text]
            self._begun.clear()
        if news and self._tasks > SHOWN and not self._told:
            self._told = True
            news.append(("stderr", f"Of {self._tasks} ranks the first {SHOWN} are followed.\n"))
        return news

    def _news(self, rank: int, tail: Tail) -> list[tuple[str, str]]:
        news = []
        for event in tail.look():
            if event["is"] != "stream":
                continue
            name = str(event.get("name", "stdout"))
            *lines, rest = (self._begun.get((rank, name), "") + str(event.get("text", ""))).split("\n")
            self._begun[rank, name] = rest
            news += [(name, f"{rank}: {line}\n") for line in lines]
        return news
