"""Speed beside named peers, in one run; never part of the tests."""
