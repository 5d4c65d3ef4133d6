"""Samples, windows, percentiles: right numbers, honest about what still waits, bounded."""

import math
import statistics

from hypothesis import given
from hypothesis import strategies as st

from ihpc_jupyter.metrics.catalogue import METRICS
from ihpc_jupyter.metrics.series import MAX_SAMPLES, MAX_SERIES, Board, Sample, Series
from ihpc_jupyter.metrics.summary import MAX_POINTS, points, summarise
from ihpc_jupyter.model.metrics import Point

SECONDS = st.floats(0, 1e6)


def samples(*values: float) -> list[Sample]:
    return [Sample(float(at), value) for at, value in enumerate(values)]


def test_nothing_is_said_of_nothing() -> None:
    told = summarise([], [], 900, 100)
    assert (told.count, told.p50, told.age, told.variation) == (0, None, None, None)


def test_figures_carry_number_window_and_age() -> None:
    told = summarise(samples(*(float(value) for value in range(1, 101))), [], 900, 109.0)
    assert (told.count, told.window, told.age) == (100, 900, 10.0)
    assert told.p50 is not None
    assert told.p95 is not None
    assert told.maximum is not None
    assert (told.p50.value, told.p95.value, told.maximum.value) == (50, 95, 100)
    assert told.tail == 95 / 50
    assert told.variation is not None
    assert math.isclose(told.variation, statistics.stdev(range(1, 101)) / 50.5)


@given(st.lists(SECONDS, max_size=30), st.lists(st.tuples(SECONDS, SECONDS), max_size=30))
def test_what_is_said_of_the_waiting_holds_however_long_they_wait(
    done: list[float], waiting: list[tuple[float, float]]
) -> None:
    """Each waits so long already, and in the end so much longer."""
    told = summarise(samples(*done), [age for age, _ in waiting], 900, 1e7)
    final = summarise(samples(*done, *(age + more for age, more in waiting)), [], 900, 1e7)
    assert told.count == final.count
    for now, then in ((told.p50, final.p50), (told.p95, final.p95), (told.maximum, final.maximum)):
        assert (now is None) == (then is None)
        if now is not None and then is not None:
            assert then.value >= now.value
            assert now.at_least or then.value == now.value
    assert told.tail is None or told.tail == final.tail
    assert told.variation is None or told.variation == final.variation


def test_memory_is_bounded_and_the_old_is_thinned_not_lost() -> None:
    series = Series(METRICS["loop_lag"], ())
    for at in range(20_000):
        series.add(Sample(float(at), 0.01))
    assert len(series.samples) <= MAX_SAMPLES
    assert series.samples[0].at == 0.0
    assert series.samples[-1].at == 19_999
    assert sum(series.counts) == 20_000
    assert math.isclose(series.sum, 200.0)


def test_there_are_never_too_many_series_and_the_most_silent_goes() -> None:
    board = Board()
    for number in range(MAX_SERIES + 30):
        board.find("head_round_trip", f"c{number}").add(Sample(float(number), 0.1))
    left = {series.labels[0] for series in board}
    assert len(left) == MAX_SERIES
    assert "c0" not in left
    assert f"c{MAX_SERIES + 29}" in left


def test_a_bucket_holds_what_is_not_above_its_bound() -> None:
    series = Series(METRICS["queue_wait"], ("hpc", "batch"))
    for value in (0.0, 1.0, 1.1, 2.0, 1e9):
        series.add(Sample(0.0, value))
    assert series.counts[:2] == [2, 2]
    assert series.counts[-1] == 1


def test_a_chart_never_hides_the_worst() -> None:
    values = [0.0] * 1000
    values[503] = 9.0
    drawn = points(samples(*values))
    assert len(drawn) <= MAX_POINTS
    assert Point(at=503.0, value=9.0) in drawn
    assert [point.at for point in drawn] == sorted(point.at for point in drawn)
