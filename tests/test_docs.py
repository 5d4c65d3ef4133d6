"""The documents: links lead somewhere, targets and commands exist, nothing that a user can set is left out."""

import argparse
import re
import subprocess
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from ihpc_jupyter.cli.main import _parser
from ihpc_jupyter.client.order import ORDER_OPTIONS
from ihpc_jupyter.kernel.urgent.options import KERNEL_OPTIONS
from ihpc_jupyter.metrics.catalogue import METRICS
from ihpc_jupyter.model.site import Site
from ihpc_jupyter.sites.file import AgentSettings, load_settings

REPOSITORY = Path(__file__).resolve().parents[1]
_LISTING = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
_LISTED = subprocess.run(_LISTING, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
DOCUMENTS = sorted(path for name in _LISTED.splitlines() if (path := REPOSITORY / name).exists())
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NOT_IN_A_FILE = {"name", "proposed"}
"""Fields of a site that the file must not set: its table's name, and who described it."""


def name_of(document: Path) -> str:
    return document.relative_to(REPOSITORY).as_posix()


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = document.parent / path if path else document
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_the_documents_are_there_and_the_readme_leads_to_them() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    names = ("user-guide", "urgent", "site-file", "hub", "security", "architecture", "api", "metrics", "glossary")
    for name in names:
        assert f"docs/{name}.md" in readme
    assert "CHANGELOG.md" in readme


def test_targets_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))
    for document in DOCUMENTS:
        # Inside code, where it is meant as a command: "make" is also an English word.
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", document.read_text(), flags=re.MULTILINE))
        assert named <= targets, name_of(document)
    readme = (REPOSITORY / "README.md").read_text()
    assert readme.index("make lab ") < readme.index("make test ") < readme.index("make demo")


def commands() -> dict[str, argparse.ArgumentParser]:
    (words,) = (action for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(words.choices)


def test_every_command_and_option_is_in_the_user_guide_and_no_other() -> None:
    guide = (REPOSITORY / "docs" / "user-guide.md").read_text()
    for name, parser in commands().items():
        line = re.search(rf"^\| `ihpc {name}\b.*$", guide, flags=re.MULTILINE)
        assert line, f"ihpc {name} is not in the user guide"
        options = {option for action in parser._actions for option in action.option_strings if option[:2] == "--"}
        missing = [option for option in options - {"--help"} if option not in line[0]]
        assert not missing, f"ihpc {name}: {missing}"
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:`|^)ihpc ([a-z]+)", document.read_text(), flags=re.MULTILINE))
        assert named <= set(commands()), name_of(document)


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that a field's type is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) is not None or isinstance(annotation, types.UnionType):
        for part in get_args(annotation):
            yield from models_in(part)


def keys(model: type[BaseModel]) -> Iterator[str]:
    """All keys of a model and of those inside it."""
    for name, field in model.model_fields.items():
        yield name
        for inner in models_in(field.annotation):
            yield from keys(inner)


def examples() -> list[str]:
    return re.findall(r"```toml\n(.*?)```", (REPOSITORY / "docs" / "site-file.md").read_text(), flags=re.DOTALL)


def test_every_key_of_the_site_file_is_shown() -> None:
    shown = "\n".join(examples())
    for key in {*keys(Site), *keys(AgentSettings), "locked"} - NOT_IN_A_FILE:
        pattern = rf"^{key} = |[.\[{{ ]{key}(?: = |[.\]])"
        assert re.search(pattern, shown, flags=re.MULTILINE), f"{key} is not in docs/site-file.md"


def test_the_examples_of_the_site_file_are_accepted(tmp_path: Path) -> None:
    assert len(examples()) >= 2
    for text in examples():
        (tmp_path / "site.toml").write_text(text)
        nowhere = str(tmp_path / "none.toml")
        environment = {"IHPC_SYSTEM_SITE_FILE": str(tmp_path / "site.toml"), "IHPC_SITE_FILE": nowhere}
        assert load_settings({"HOME": str(tmp_path), **environment}).sites


def test_every_metric_is_told_with_its_unit_and_labels() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    for metric in METRICS.values():
        row = f"| `{metric.name}`, {metric.unit} | {', '.join(metric.labels)} |".replace("|  |", "| |")
        assert row in page, row


def test_every_option_of_an_urgent_cell_is_in_its_page() -> None:
    page = (REPOSITORY / "docs" / "urgent.md").read_text()
    for option in (*ORDER_OPTIONS, *KERNEL_OPTIONS):
        assert f"`{option.flag}" in page or f" {option.flag}`" in page or f", `{option.flag}" in page, option.flag
