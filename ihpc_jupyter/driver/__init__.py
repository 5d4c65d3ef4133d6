"""What runs a cell, call or script on a node: standard library only, few imports before the user's first line."""


def run_here(mailbox_path: str, attempt: int, copy: int) -> bool:
    """Run a mailbox's order in this thread (of a worker); whether the user's code succeeded.

    False also where nothing was run: the run is closed, or this copy was run already.
    """
    from ihpc_jupyter.driver.here import perform_here  # the process of its own needs none of it

    return perform_here(mailbox_path, attempt, copy)
