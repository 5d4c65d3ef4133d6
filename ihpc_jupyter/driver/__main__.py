"""``python -m ihpc_jupyter.driver MAILBOX ATTEMPT``: one copy or rank of an attempt, in a process of its own."""

from ihpc_jupyter.driver.process import main

main()
