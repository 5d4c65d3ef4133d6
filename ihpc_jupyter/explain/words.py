"""Moments, durations and amounts for people."""

import time


def clock(at: float, now: float) -> str:
    """A moment: the time of day, with the day where that is another one."""
    then, today = time.localtime(at), time.localtime(now)
    return time.strftime("%H:%M:%S" if then[:3] == today[:3] else "%Y-%m-%d %H:%M", then)


def duration(seconds: float) -> str:
    """``12 s``, ``3 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def digits(value: float) -> str:
    """Three digits that say something, and all that stand before the point: ``0.25``, ``12.3``, ``1536``."""
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def memory(size: int) -> str:
    """Bytes as MiB or GiB."""
    return f"{digits(size / (1 << 30))} GiB" if size >= 1 << 30 else f"{digits(size / (1 << 20))} MiB"


def core_time(seconds: float) -> str:
    """Cores times seconds: ``90 core-seconds``, ``4 core-hours``."""
    return counted(round(seconds), "core-second") if seconds < 360 else f"{digits(seconds / 3600)} core-hours"


def counted(number: int, thing: str) -> str:
    """``1 job``, ``3 jobs``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}".replace(",", " ")
