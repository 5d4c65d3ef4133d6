"""Slurm's numbers: what a job has or asks for, and what it ended with. Pure, as `slurm_text` is."""

import re

from ihpc_jupyter.model.site import parse_memory


def number(text: str) -> int:
    """The number; 0 for what is none."""
    return int(text) if text.isascii() and text.isdigit() else 0


def parse_tres(text: str) -> dict[str, str]:
    """``cpu=4,mem=100M,node=1,gres/gpu=2`` as a dictionary."""
    return dict(word.split("=", 1) for word in text.split(",") if "=" in word)


def memory_of(text: str) -> int:
    """Bytes of the memory in a list of resources; 0 where it names none."""
    try:
        return int(str(parse_memory(parse_tres(text).get("mem", "0"))))
    except ValueError:
        return 0


def gpus_of(text: str, per_node: str = "", nodes: int = 1) -> int:
    """GPUs in a list of resources; else those that the request names for each node (``gres:gpu:2``)."""
    told = parse_tres(text)
    if "gres/gpu" in told:
        return number(told["gres/gpu"])
    if typed := [number(count) for name, count in told.items() if name.startswith("gres/gpu:")]:
        return sum(typed)
    counts = re.findall(r"\bgpu(?::[^:,()=]+)?[:=](\d{1,6})", per_node)
    return sum(int(count) for count in counts) * max(1, nodes)


def exit_of_status(text: str) -> int:
    """What a process ended with, from the system's status word (768: it ended with 3; 9: signal 9)."""
    status = number(text)
    return -(status & 0x7F) if status & 0x7F else status >> 8


def exit_of_pair(text: str) -> int | None:
    """What a process ended with, from ``3:0`` (code and signal)."""
    match = re.fullmatch(r"(\d{1,5}):(\d{1,3})", text.strip(), re.ASCII)
    if match is None:
        return None
    return -int(match[2]) if match[2] != "0" else int(match[1])
