"""The line of `%%urgent`: what it orders, and what is said of each mistake."""

import pytest

from ihpc_jupyter.client.order import ORDER_OPTIONS
from ihpc_jupyter.errors import InvalidRequest
from ihpc_jupyter.kernel.urgent.options import KERNEL_OPTIONS, help_text, read_options
from ihpc_jupyter.model.run import Kind, RunOrder
from ihpc_jupyter.model.site import Shape


def test_nothing_said_orders_nothing_special() -> None:
    options = read_options("")
    assert options.order == RunOrder()
    assert options.anywhere, "idle workers of the notebook's cluster may take it"
    assert (options.detach, options.plan, options.workers, options.put, options.bind) == (
        False,
        False,
        0,
        (),
        None,
    )


def test_every_word_finds_its_place() -> None:
    options = read_options(
        '10m --lane urgent --site bed --account fires --copies 2 --reason "M 6.1, off the coast" --budget 2.5 '
        "--cores 4 --memory 2GiB --gpus 1 --time 15m --no-preempt --let-go --go-on --as shot --detach "
        "--put model.h5 --put data --get 'out/*.png' --get log.txt"
    )
    assert options.order == RunOrder(
        deadline=600, lane="urgent", site="bed", account="fires", copies=2, reason="M 6.1, off the coast",
        budget=2.5, shape=Shape(cores=4, memory=2 << 30, gpus=1), time_limit=900, preempt=False, let_go=True,
        go_on=True,
    )  # fmt: skip
    assert options.put == ("model.h5", "data")
    assert options.get == ("out/*.png", "log.txt")
    assert (options.detach, options.bind, options.anywhere) == (True, "shot", False)


@pytest.mark.parametrize(("line", "seconds"), [("60s", 60), ("10m", 600), ("1h", 3600), ("1:30:00", 5400)])
def test_deadlines(line: str, seconds: float) -> None:
    assert read_options(line).order.deadline == seconds
    assert read_options(f"--copies 2 {line}").order.deadline == seconds


def test_a_comment_ends_the_line() -> None:
    assert read_options("10m --copies 2  # it's the fire").order == RunOrder(deadline=600, copies=2)
    assert read_options("# soon").order == RunOrder()
    assert read_options("--reason '#1, of \"two\"' --lane a").order == RunOrder(reason='#1, of "two"', lane="a")
    assert read_options("--put run#2.h5").put == ("run#2.h5",)


def test_what_is_sent_is_only_what_was_said() -> None:
    assert read_options("60s --copies 3").order.model_dump(exclude_unset=True) == {"deadline": 60.0, "copies": 3}


def test_kinds() -> None:
    assert read_options("--script bash").order.kind is Kind.SCRIPT
    assert read_options("--tasks 16").order.tasks == 16
    assert read_options("--workers 8").workers == 8
    assert read_options("--shape large").order.shape == "large"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0", "passed already"),
        ("0s", "passed already"),
        ("-5m", "passed already"),
        ("-5", "passed already"),
        ("soon", "no deadline"),
        ("11:00", "11:00 may be minutes, hours or a time of day"),
        ("9999d", "deadline: "),
        ("10m 20m", "do not understand '20m'"),
        ("--copys 2", "no option --copys. Did you mean --copies?"),
        ("--Lane urgent", "Did you mean --lane?"),
        ("--xyzzy", "no option --xyzzy"),
        ("--cop 2", "no option --cop"),
        ("--copies", "--copies: expected one argument"),
        ("--copies two", "--copies: invalid int value: 'two'"),
        ("--copies 0", "copies: "),
        ("--copies 1000000", "copies: "),
        ("--tasks 0", "tasks: "),
        ("--workers 0", "--workers 0"),
        ("--workers -3", "--workers -3"),
        ("--workers 4 --tasks 4", "does not go with"),
        ("--cores 0", "cores: "),
        ("--memory lots", "memory: write memory as a number and a unit"),
        ("--shape large --cores 4", "not both"),
        ("--shape Large!", "shape: "),
        ("--lane 'a b'", "lane: "),
        ("--budget nan", "budget: "),
        ("--budget -1", "budget: "),
        ("--time 0", "time_limit: "),
        ("--as 3x", "--as 3x"),
        ("--as class", "--as class"),
        ("--get /etc/passwd", "own directory"),
        ("--get ../x", "own directory"),
        ('--reason "a', "cannot be read"),
        ("--reason 'a\nb'", "reason: "),
    ],
)
def test_mistakes_are_one_clear_sentence(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_options(line)
    assert said in str(caught.value)
    assert "\n" not in caught.value.message.replace("a\nb", "")
    assert capsys.readouterr() == ("", ""), "argparse prints nothing"


def test_unknown_options_tell_what_is_allowed() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_options("--xyzzy")
    for option in (*ORDER_OPTIONS, *KERNEL_OPTIONS):
        assert option.flag in caught.value.hint


def test_a_wrong_value_is_answered_with_an_example() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_options("--copies two")
    assert caught.value.hint == "Like this: --copies 2"


def test_help_shows_each_option_with_an_example_that_is_understood() -> None:
    text = help_text()
    for option in (*ORDER_OPTIONS, *KERNEL_OPTIONS):
        assert f"%%urgent {option.example}" in text
        assert option.text in text
        read_options(option.example)
