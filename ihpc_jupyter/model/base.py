"""The vocabulary's grammar: frozen models, bounded numbers, names that are safe everywhere."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MAX_WORKERS = 10_000
"""More workers than this in one group is a slip of the keyboard, whatever the lane says."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$")]
"""A cluster, group, lane, shape or site: lower-case letters, digits, hyphens; at most 32 characters."""

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:+@-]{0,62}$")]
"""A partition, QoS, account or reservation: one word that can stand in a batch script without quoting."""

Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]
"""One printable line."""

PathText = Annotated[str, StringConstraints(pattern=r"^[/~][^\x00-\x1f\x7f]{0,1000}$")]
"""An absolute path (or one below the home) without control characters."""

Count = Annotated[int, Field(strict=True, ge=0, le=MAX_WORKERS)]
"""How many workers, from none to MAX_WORKERS; text and fractions are refused rather than rounded."""

Seconds = Annotated[float, Field(ge=0, le=366 * 86400, allow_inf_nan=False)]
"""A duration in seconds, at most a year."""

Time = Annotated[float, Field(allow_inf_nan=False)]
"""A moment: seconds since 1970-01-01 UTC."""


class Model(BaseModel):
    """A value: frozen, closed (an unknown key is an error that names the key)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Record(Model):
    """What is kept on disk of one thing, in a directory of its own."""

    @property
    def folder(self) -> str:
        """The directory's name; never used again for another."""
        raise NotImplementedError
