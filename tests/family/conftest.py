"""A system-wide site file of the test's own, as hubs read it when they start."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ihpc_jupyter.hub import centre


@pytest.fixture
def describe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes it."""

    def write(text: str) -> None:
        (tmp_path / "site.toml").write_text(text)
        centre.server_site.cache_clear()

    monkeypatch.setenv("IHPC_SYSTEM_SITE_FILE", str(tmp_path / "site.toml"))
    yield write
    centre.server_site.cache_clear()
