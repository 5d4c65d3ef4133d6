"""The vocabulary as JSON Schema: ``python -m ihpc_jupyter.schema`` writes ``docs/schema.json``.

With ``--check`` it only says whether the file is up to date. The browser's types are generated
from that file, so nothing is declared twice.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from ihpc_jupyter.model.cluster import ClusterView, CreateCluster, PatchCluster
from ihpc_jupyter.model.metrics import Responsiveness, Status
from ihpc_jupyter.model.offer import OffersRequest, StartOffers
from ihpc_jupyter.model.protocol import About, Change, Connection, Fault, LogTail, Report, Script, Snapshot
from ihpc_jupyter.model.queue import Cancellation, Queue
from ihpc_jupyter.model.run import Audit, Ledger, Plan, Policy, RunOrder, RunView
from ihpc_jupyter.model.site import SiteStatus
from ihpc_jupyter.model.timeline import Timeline
from ihpc_jupyter.model.why import Explanation

REQUESTS: tuple[type[BaseModel], ...] = (CreateCluster, OffersRequest, PatchCluster, RunOrder)
ANSWERS: tuple[type[BaseModel], ...] = (
    About,
    Audit,
    Cancellation,
    Change,
    ClusterView,
    Connection,
    Explanation,
    Fault,
    Ledger,
    LogTail,
    Plan,
    Policy,
    Queue,
    Report,
    Responsiveness,
    RunView,
    Script,
    SiteStatus,
    Snapshot,
    StartOffers,
    Status,
    Timeline,
)

FILE = Path(__file__).parent.parent / "docs" / "schema.json"


class _Wire(GenerateJsonSchema):
    """What travels: an answer always has all its keys, only models have titles."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema() -> dict[str, Any]:
    """One document with every model in ``$defs``; ``XRequest`` where asking differs from answering."""
    wanted: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in REQUESTS),
        *((model, "serialization") for model in ANSWERS),
    ]
    _, document = models_json_schema(wanted, schema_generator=_Wire)
    text = json.dumps(document).replace("-Output", "").replace("-Input", "Request")
    definitions = {name: {**body, "title": name} for name, body in json.loads(text)["$defs"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Wire",
        "description": "The models that agent and doors exchange; see docs/api.md.",
        "$defs": definitions,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file, or say whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m ihpc_jupyter.schema", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the file is stale")
    check = parser.parse_args(argv).check
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
    if not check:
        FILE.write_text(text, encoding="utf-8")
    elif not FILE.exists() or FILE.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{FILE.name} is stale: run python -m ihpc_jupyter.schema\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
