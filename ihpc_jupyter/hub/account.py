"""The Unix account behind a hub's user: what commands run as them see, and which groups they are in."""

import grp
import os
import pwd
import shlex
from collections.abc import Sequence

from ihpc_jupyter.errors import InvalidRequest, NotFound
from ihpc_jupyter.scheduler.environment import chosen_environment


def account_of(name: str) -> pwd.struct_passwd:
    """The account. Raises `NotFound` where this host knows none of that name."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise NotFound(
            f"This host knows no user {name}.", "The hub's host and the nodes need the same users."
        ) from None


def environment_of(account: pwd.struct_passwd) -> dict[str, str]:
    """All that a batch command run as this user sees: no token, nothing of the hub's own home."""
    own = {
        "HOME": account.pw_dir,
        "USER": account.pw_name,
        "LOGNAME": account.pw_name,
        "SHELL": account.pw_shell or "/bin/sh",
    }
    return {**chosen_environment(), **own}


def prefix_of(template: str, account: pwd.struct_passwd) -> Sequence[str]:
    """The words before a command that make it this user's, from ``sudo -n -u {username}`` or the like."""
    return fill_in(template, account.pw_name, account.pw_dir)


def fill_in(template: str, name: str, home: str) -> Sequence[str]:
    """The words of *template*, ``{username}`` and ``{homedir}`` filled in. Raises `InvalidRequest` for others."""
    try:
        return [word.format(username=name, homedir=home) for word in shlex.split(template)]
    except (KeyError, IndexError, ValueError) as error:
        hint = "Write {username} and {homedir}, nothing else in braces."
        raise InvalidRequest(f"{template!r} cannot be filled in: {error}.", hint) from None


def unix_groups(name: str) -> set[str]:
    """The Unix groups of a user; none for one whom this host does not know."""
    try:
        account = account_of(name)
    except NotFound:
        return set()
    names = set()
    for number in os.getgrouplist(name, account.pw_gid):
        try:
            names.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return names
