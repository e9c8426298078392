from __future__ import annotations

import io

import pytest
from rich.console import Console

from builder.display import TerminalDisplay


def make_display(terminal: bool) -> tuple[TerminalDisplay, io.StringIO]:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal, width=100 if terminal else 40, color_system=None)
    return TerminalDisplay(console), stream


def test_a_log_gets_a_line_a_stage_and_one_each_quarter() -> None:
    display, stream = make_display(terminal=False)
    with display:
        display.stage("curate", done=True)
        display.stage("fold0-member1", done=False)
        for done in range(1, 9):
            display.progress(done, 8, f"loss {1 / done:.2f}")
    assert stream.getvalue().splitlines() == [
        "✓ curate: there already",
        "▸ fold0-member1",
        "  fold0-member1: 2/8 loss 0.50",
        "  fold0-member1: 4/8 loss 0.25",
        "  fold0-member1: 6/8 loss 0.17",
        "  fold0-member1: 8/8 loss 0.12",
    ]


def test_a_stage_that_counts_twice_is_told_twice() -> None:
    display, stream = make_display(terminal=False)
    display.stage("member", done=False)
    for word in ("probe", "tune"):
        for done in range(1, 5):
            display.progress(done, 4, word)
    lines = stream.getvalue().splitlines()[1:]
    assert lines == [f"  member: {done}/4 {word}" for word in ("probe", "tune") for done in range(1, 5)]


def test_progress_is_of_the_stage_that_began_whatever_it_finds_there_already() -> None:
    display, stream = make_display(terminal=False)
    display.stage("student", done=False)
    display.stage("embed-views", done=True)
    for done in range(1, 3):
        display.progress(done, 2, "loss")
        display.stage("curate", done=True)
    display.stage("member", done=True)
    display.progress(1, 1, "judged")
    assert stream.getvalue().splitlines() == [
        "▸ student",
        "✓ embed-views: there already",
        "  student: 1/2 loss",
        "✓ curate: there already",
        "  student: 2/2 loss",
        "✓ member: there already",
        "  member: 1/1 judged",
    ]


def test_each_lane_counts_its_own_quarters_under_its_own_label() -> None:
    display, stream = make_display(terminal=False)
    display.stage("4 tasks", done=False)
    for key in ("a", "b"):
        display.open_lane(key, f"{key} on: ")
        display.lane(key).stage("fold0", done=False)
    display.lane("a").progress(1, 2, "loss 1")
    display.lane("b").progress(1, 4, "loss 2")
    display.progress(1, 4, "last: a")
    display.lane("a").progress(2, 2, "loss 0")
    display.close_lane("a")
    display.lane("b").warn("hot")
    display.close_lane("b")
    assert stream.getvalue().splitlines() == [
        "▸ 4 tasks",
        "▸ a on: fold0",
        "▸ b on: fold0",
        "  a on: fold0: 1/2 loss 1",
        "  b on: fold0: 1/4 loss 2",
        "  4 tasks: 1/4 last: a",
        "  a on: fold0: 2/2 loss 0",
        "warning: hot",
    ]


def test_a_stage_that_is_there_is_told_once_and_not_at_all_when_it_was_seen_to_run() -> None:
    display, stream = make_display(terminal=False)
    display.open_lane("a", "")
    display.lane("a").stage("embed", done=False)
    for _ in range(2):
        display.stage("embed", done=True)
        display.stage("member1", done=True)
    assert stream.getvalue().splitlines() == ["▸ embed", "✓ member1: there already"]


def test_a_terminal_sees_a_bar_for_each_lane_and_is_left_clean() -> None:
    display, stream = make_display(terminal=True)
    with display:
        for key in ("left", "right"):
            display.open_lane(key, "")
            display.lane(key).stage(f"{key}-stage", done=False)
            display.lane(key).progress(1, 3, f"{key}-word")
        display.lane("left").progress(2, 3, "left-word")
        display.close_lane("left")
        display.close_lane("right")
    told = stream.getvalue()
    for key in ("left", "right"):
        assert f"{key}-word" in told
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l")


@pytest.mark.parametrize("name", ["[cam1]", "[/]", "[/cam]", "[bold]a[/bold]", "\\[x]"])
@pytest.mark.parametrize("terminal", [False, True])
def test_what_looks_like_markup_is_shown_as_it_is(name: str, terminal: bool) -> None:
    display, stream = make_display(terminal)
    with display:
        display.stage(f"curate {name}", done=False)
        display.progress(1, 2, f"{name}.mp4")
        display.progress(2, 2, f"{name}.mp4")
        display.warn(f"skipped {name}.mp4")
    told = stream.getvalue()
    assert f"▸ curate {name}" in told
    assert f"{name}.mp4" in told
    assert f"warning: skipped {name}.mp4" in told


def test_a_warning_is_one_line_however_long_its_path() -> None:
    display, stream = make_display(terminal=False)
    display.warn("skipped " + "/deep" * 40)
    assert stream.getvalue() == f"warning: skipped {'/deep' * 40}\n"


def test_a_terminal_sees_a_bar_with_the_count_and_the_word_and_is_left_clean() -> None:
    display, stream = make_display(terminal=True)
    with display:
        display.stage("student", done=False)
        for done in range(1, 4):
            display.progress(done, 3, "loss 0.5")
        display.progress(1, 7, "again from the start")
        display.stage("prune", done=False)
    told = stream.getvalue()
    assert "▸ student" in told
    assert "▸ prune" in told
    assert "7" in told
    # The cursor that the bars hid is shown again.
    assert told.rfind("\x1b[?25h") > told.rfind("\x1b[?25l")
