"""What can go wrong, in words for the user: one root, few children, each with what to do next."""

from typing import ClassVar


class IhpcError(Exception):
    """The root: *message* is one sentence for the user, *hint* says what to do next.

    *status* is the HTTP status that the API answers with; it stands here so that the mapping has one place.
    """

    status: ClassVar[int] = 500
    kind: ClassVar[str] = "internal"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InvalidRequest(IhpcError):
    """The request itself is wrong: a value, a name, a key."""

    status = 422
    kind = "invalid"


class NotFound(IhpcError):
    """No such cluster, group, lane, site or job."""

    status = 404
    kind = "not-found"


class NotAllowed(IhpcError):
    """This user may not do this, or not from here."""

    status = 403
    kind = "not-allowed"


class Rejected(IhpcError):
    """The batch system refused, or the thing is in a state that does not allow it; carries its own words."""

    status = 409
    kind = "rejected"


class Unavailable(IhpcError):
    """Nobody answered in time. Nothing is known to be gone; asking again later is right."""

    status = 503
    kind = "unavailable"


ERRORS: dict[str, type[IhpcError]] = {
    error.kind: error for error in (InvalidRequest, NotFound, NotAllowed, Rejected, Unavailable)
}
