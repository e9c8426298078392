"""What becomes of a roll-out, whatever devices say and whenever: pure, and so tried with many fleets."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.delivery.payloads import BundleFile, BundleStatus, DesiredBundle, DesiredName, UpdateState
from fleet.devices.name import DeviceName
from fleet.rollouts.ending import KEEPS, NOT_OURS, end, list_owed, revert, settle
from fleet.rollouts.progress import advance, allowed_failures, count
from fleet.rollouts.record import Record
from fleet.rollouts.rollout import Member, Rollout, Rules, Wanted
from fleet.rollouts.stages import plan_members
from fleet.rollouts.verdict import DEAF, Sight
from fleet.rollouts.wording import changes, report

AT = datetime(2026, 3, 1, tzinfo=timezone.utc)
OLD, NEW = "0" * 64, "a" * 64
WANTED = Wanted(url="https://bundles.example.org/violence.nexara", sha256=NEW)
ENDS = {"succeeded", "failed", "skipped", "withdrawn", "untouched", "abandoned"}
SAYINGS: tuple[UpdateState | None, ...] = (
    "settled",
    "fetching",
    "verifying",
    "trial",
    "kept",
    "left",
    "refused",
    "failed",
    None,
)


def name(number: int) -> DeviceName:
    return DeviceName("school", f"gate-{number:02}")


def make(devices: int, id_: str = "r", **rules: Any) -> Rollout:
    given_rules = Rules(**{"soak_s": 60.0, "patience_s": 600.0, **rules})
    members = plan_members(id_, map(name, range(devices)), given_rules.percents, {})
    return Rollout(id=id_, wanted=WANTED, rules=given_rules, started_at=AT, members=members)


def says(
    state: UpdateState, current: str = OLD, desired: str | None = "r", reason: str = "", *, listens: bool | None = None
) -> BundleStatus:
    return BundleStatus(
        at="2026-03-01T00:00:00.000Z",
        current=BundleFile(name="violence", version="1", sha256=current),
        trial=state == "trial",
        desired=None if desired is None else DesiredName(id=desired, sha256=NEW),
        state=state,
        progress=None,
        reason=reason,
        listens=listens,
    )


def earlier(id_: str = "before") -> DesiredBundle:
    return DesiredBundle(id=id_, issued_at=AT, url="https://bundles.example.org/old.nexara", sha256=OLD)


def there(rollout: Rollout, **changes: Any) -> dict[DeviceName, Sight]:
    return {member.name: Sight(online=True, **changes) for member in rollout.members}


def kept(rollout: Rollout) -> dict[DeviceName, Sight]:
    """All that were asked have it, the others the old one."""
    return {
        member.name: Sight(
            online=True,
            bundle=says("kept", NEW) if member.asked_at else says("settled", OLD, None),
            desired=rollout.desire(member) if member.asked_at else earlier(),
        )
        for member in rollout.members
    }


def first(rollout: Rollout) -> DeviceName:
    return rollout.members[0].name


@given(st.integers(0, 60), st.lists(st.integers(1, 99), max_size=4, unique=True), st.integers(0, 5))
def test_stages_hold_every_device_once_grow_and_begin_with_one(devices: int, shares: list[int], id_: int) -> None:
    percents = (*sorted(shares), 100)
    members = plan_members(str(id_), map(name, range(devices)), percents, {})
    assert sorted(member.name for member in members) == [name(number) for number in range(devices)]
    assert members == plan_members(str(id_), map(name, reversed(range(devices))), percents, {})
    stages = [member.stage for member in members]
    assert stages == sorted(stages)
    assert set(stages) == set(range(len(set(stages))))
    for share in percents:
        asked = -(-share * devices // 100)
        assert asked == 0 or stages[asked - 1] < ([*stages, 99][asked])


def test_another_roll_out_has_other_devices_try_first() -> None:
    firsts = {first(make(50, str(number))) for number in range(20)}
    assert len(firsts) > 5


def test_those_left_out_are_skipped_with_their_reason() -> None:
    members = plan_members("r", map(name, range(4)), (50, 100), {name(2): "away"})
    assert [(one.name, one.outcome, one.reason) for one in members if one.outcome != "waiting"] == [
        (name(2), "skipped", "away")
    ]


def test_a_roll_out_goes_from_stage_to_stage_and_is_done() -> None:
    rollout, now = make(20, percents=(5, 25, 100)), AT
    asked_at_end = []
    for _ in range(3):
        rollout = advance(rollout, kept(rollout), now)
        asked_at_end.append(count(rollout, "asked", "succeeded"))
        rollout = advance(rollout, kept(rollout), now)
        assert count(rollout, "asked") == 0
        rollout = advance(rollout, kept(rollout), now + timedelta(seconds=59))
        assert rollout.soaking_since == now
        now += timedelta(seconds=60)
        rollout = advance(rollout, kept(rollout), now)
    assert asked_at_end == [1, 5, 20]
    assert rollout.phase == "done"
    assert count(rollout, "succeeded") == 20


@pytest.mark.parametrize("state", ["left", "refused"])
def test_one_failure_too_many_stops_and_takes_the_wish_back(state: UpdateState) -> None:
    rollout = make(20, percents=(25, 100))
    rollout = advance(rollout, there(rollout, desired=earlier()), AT)
    sights = kept(rollout)
    sights[first(rollout)] = Sight(online=True, bundle=says(state), desired=rollout.desire(rollout.members[0]))
    waiting = rollout.members[1].name
    sights[waiting] = Sight(online=True, bundle=says("trial"), desired=rollout.desire(rollout.members[1]))
    rollout = advance(rollout, sights, AT)
    assert (rollout.phase, rollout.reason) == ("ending", "1 device(s) failed; allowed are 0")
    owed = list_owed(rollout, sights)
    assert {member.name for member, _ in owed} == {first(rollout), waiting}
    assert {(wish.id, wish.issued_at, wish.sha256, wish.url) for _, wish in owed if wish} == {
        ("r.back", AT, OLD, "https://bundles.example.org/old.nexara")
    }
    rollout = settle(rollout, sights)
    assert rollout.phase == "stopped"
    assert {one.outcome for one in rollout.members} == {"failed", "withdrawn", "succeeded", "untouched"}
    assert list_owed(rollout, sights) == []


def test_what_a_device_tries_again_by_itself_is_told_once_and_fails_only_with_its_patience() -> None:
    rollout = advance(make(20, percents=(5, 100)), there(make(20)), AT)
    hindered = {first(rollout): Sight(online=True, bundle=says("failed", reason="no route"))}
    stuck = advance(rollout, hindered, AT)
    assert (stuck.phase, count(stuck, "failed"), count(stuck, "asked")) == ("running", 0, 1)
    assert list(changes(rollout, stuck)) == [f"{first(rollout)} does not have it yet: failed: no route; it tries again"]
    assert list(changes(stuck, advance(stuck, hindered, AT))) == []
    assert count(advance(stuck, kept(stuck), AT), "succeeded") == 1
    assert {one.reason for one in advance(stuck, kept(stuck), AT).members} == {""}
    ended = advance(stuck, hindered, AT + timedelta(seconds=600))
    assert (ended.phase, ended.members[0].reason) == (
        "ending", "came to no end within 10 min; last: failed: no route",
    )  # fmt: skip


def test_device_that_does_not_hear_is_passed_over_when_its_stage_comes_and_fails_at_once_when_it_was_asked() -> None:
    rollout = make(2, percents=(100,))
    deaf = {first(rollout): Sight(online=True, bundle=says("settled", listens=False))}
    asked = advance(rollout, {**there(rollout), **deaf}, AT)
    assert [(one.outcome, one.reason) for one in asked.members] == [("skipped", DEAF), ("asked", "")]
    assert f"{first(rollout)} is passed over: {DEAF}" in list(changes(rollout, asked))
    later = advance(advance(rollout, there(rollout), AT), {**there(rollout), **deaf}, AT)
    assert [(one.outcome, one.reason) for one in later.members] == [("failed", DEAF), ("withdrawn", "")]
    for listens in (None, True):
        there_ = there(rollout, bundle=says("settled", listens=listens))
        assert count(advance(rollout, there_, AT), "asked") == 2


def test_failures_that_are_allowed_do_not_hold_the_next_stage_up() -> None:
    rollout = make(4, percents=(50, 100), most_failures=1, soak_s=0)
    rollout = advance(rollout, there(rollout), AT)
    sights = kept(rollout)
    sights[first(rollout)] = Sight(online=True, bundle=says("left"))
    rollout = advance(rollout, sights, AT)
    assert (rollout.phase, rollout.stage) == ("running", 1)


def test_a_share_of_failures_is_of_those_asked_so_far() -> None:
    rollout = make(100, percents=(10, 100), most_failures=20, failures_are_percent=True)
    assert allowed_failures(rollout) == 0
    assert allowed_failures(advance(rollout, there(rollout), AT)) == 2


def test_words_about_other_wishes_do_not_count() -> None:
    rollout = make(1)
    rollout = advance(rollout, there(rollout), AT)
    for bundle in (
        says("failed", desired="another"),
        says("left", desired=None),
        says("kept", OLD),
        says("settled", OLD),
    ):
        assert count(advance(rollout, there(rollout, bundle=bundle), AT), "asked") == 1


def test_whoever_is_away_is_skipped_and_a_stage_of_them_proves_nothing() -> None:
    rollout = advance(make(10, percents=(10, 100)), {}, AT)
    assert (rollout.phase, count(rollout, "skipped"), count(rollout, "untouched")) == ("ending", 1, 9)
    assert "not proved" in rollout.reason


def test_whoever_comes_to_no_end_has_failed() -> None:
    rollout = make(1)
    rollout = advance(rollout, there(rollout), AT)
    trial = there(rollout, bundle=says("trial"))
    assert advance(rollout, trial, AT + timedelta(seconds=599)).phase == "running"
    rollout = advance(rollout, trial, AT + timedelta(seconds=600))
    assert rollout.members[0].reason == "came to no end within 10 min; last: trial"


def test_whoever_fails_or_goes_away_while_its_stage_soaks_has_failed() -> None:
    rollout = make(2, percents=(50, 100))
    rollout = advance(advance(rollout, there(rollout), AT), kept(advance(rollout, there(rollout), AT)), AT)
    assert count(rollout, "succeeded") == 1
    later = AT + timedelta(seconds=90)
    away = {**kept(rollout), first(rollout): Sight(online=False, away_s=599, bundle=says("kept", NEW))}
    assert advance(rollout, away, later).stage == 0
    gone = {**away, first(rollout): replace_sight(away[first(rollout)], away_s=600)}
    assert advance(rollout, gone, later).members[0].reason == "went away and did not come back within 10 min"
    left = {**away, first(rollout): Sight(online=True, bundle=says("left"))}
    assert advance(rollout, left, later).members[0].reason == "after it had been kept, left"
    back = advance(rollout, kept(rollout), later)
    assert back.stage == 1


def replace_sight(sight: Sight, **changes: Any) -> Sight:
    return Sight(
        **{"online": sight.online, "away_s": sight.away_s, "bundle": sight.bundle, "desired": sight.desired, **changes}
    )


def test_a_bundle_that_no_device_has_is_not_rolled_out() -> None:
    rollout = make(1, percents=(100,))
    rollout = advance(rollout, {first(rollout): Sight(online=False)}, AT)
    assert (rollout.members[0].outcome, rollout.phase) == ("skipped", "ending")
    assert "no device of stage 1 has the bundle" in rollout.reason


def test_no_more_are_at_it_than_is_allowed() -> None:
    rollout = make(10, percents=(100,), at_once=3)
    rollout = advance(rollout, there(rollout), AT)
    assert count(rollout, "asked") == 3
    rollout = advance(rollout, kept(rollout), AT)
    assert (count(rollout, "asked"), count(rollout, "succeeded")) == (3, 3)


def test_stopping_without_withdrawing_leaves_those_that_are_at_it() -> None:
    rollout = make(2, percents=(100,), withdraw=False)
    rollout = end(advance(rollout, there(rollout), AT), "enough", AT)
    assert {member.outcome for member in rollout.members} == {"abandoned"}
    assert list_owed(rollout, there(rollout)) == []


def test_reverting_reaches_all_that_were_asked_but_not_who_has_another_wish() -> None:
    rollout = make(3, percents=(100,), soak_s=0)
    sights = there(rollout, desired=earlier())
    sights[rollout.members[2].name] = Sight(online=True)
    rollout = advance(rollout, sights, AT)
    rollout = advance(rollout, kept(rollout), AT)
    assert rollout.phase == "done"
    sights = kept(rollout)
    sights[first(rollout)] = Sight(online=True, desired=earlier("of somebody else"))
    rollout = revert(rollout, AT)
    owed = {member.name: wish for member, wish in list_owed(rollout, sights)}
    assert set(owed) == {rollout.members[1].name, rollout.members[2].name}
    assert owed[rollout.members[2].name] is None
    rollout = settle(rollout, sights)
    assert rollout.phase == "reverted"
    assert [member.reason for member in rollout.members] == [NOT_OURS, "", KEEPS]


EVENT = st.tuples(st.booleans(), st.sampled_from(SAYINGS), st.booleans())
LOOKS = st.lists(st.tuples(st.integers(0, 400), st.dictionaries(st.integers(0, 11), EVENT, max_size=6)), max_size=25)
RULES = st.builds(
    Rules,
    percents=st.sampled_from([(100,), (5, 25, 100), (34, 67, 100), (50, 100)]),
    most_failures=st.integers(0, 12).map(float),
    failures_are_percent=st.booleans(),
    soak_s=st.sampled_from([0.0, 60.0]),
    patience_s=st.sampled_from([300.0, 600.0]),
    at_once=st.integers(1, 12),
    withdraw=st.booleans(),
)


def look(
    rollout: Rollout, member: Member, number: int, events: dict[int, tuple[bool, UpdateState | None, bool]]
) -> Sight:
    online, state, new = events.get(number, (True, None, False))
    bundle = None if state is None else says(state, NEW if new else OLD)
    return Sight(online=online, bundle=bundle, desired=rollout.desire(member) if member.asked_at else earlier())


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 12), RULES, LOOKS)
def test_whatever_happens_the_rules_hold_and_each_device_ends_once(devices: int, rules: Rules, looks: Any) -> None:
    members = plan_members("r", map(name, range(devices)), rules.percents, {})
    rollout = Rollout(id="r", wanted=WANTED, rules=rules, started_at=AT, members=members)
    sizes = [sum(member.stage == stage for member in members) for stage in range(rollout.stages)]
    now = AT
    for seconds, events in [*looks, *[(700, {})] * (4 * devices)]:
        now += timedelta(seconds=seconds)
        sights = {one.name: look(rollout, one, number, events) for number, one in enumerate(rollout.members)}
        before, rollout = rollout, advance(rollout, sights, now)
        at_it = [one for one in rollout.members if one.outcome == "asked"]
        assert len(at_it) <= min(rules.at_once, sizes[rollout.stage])
        assert all(one.stage == rollout.stage for one in at_it)
        if rollout.stage > before.stage or count(rollout, "asked") > count(before, "asked"):
            assert count(rollout, "failed") <= allowed_failures(rollout)
        if rollout.stage > before.stage:
            proved = [one.outcome for one in rollout.members if one.stage == before.stage]
            assert "succeeded" in proved
            assert not {"waiting", "asked"} & set(proved)
        for earlier_, later in zip(before.members, rollout.members, strict=True):
            assert earlier_.outcome in {"waiting", "asked", "succeeded"} or earlier_.outcome == later.outcome
        if rollout.phase == "ending":
            assert all(one.outcome in {"failed", "withdrawn"} for one, _ in list_owed(rollout, sights))
            rollout = settle(rollout, sights)
    assert rollout.phase in {"done", "stopped"}
    assert rollout.phase == "stopped" or count(rollout, "succeeded")
    assert {member.outcome for member in rollout.members} <= ENDS
    assert not any(member.owed for member in rollout.members)
    assert advance(rollout, {}, now) == rollout


def test_secret_of_a_signed_link_is_for_its_owner_alone(tmp_path: Path) -> None:
    wanted = Wanted(url="https://bundles.example.org/violence.nexara?signature=s3cret", sha256=NEW)
    rollout = msgspec.structs.replace(make(1), wanted=wanted, phase="done")
    assert "s3cret" not in "\n".join(report(rollout))
    record = Record(tmp_path / "rollout.json")
    record.begin(rollout)
    record.begin(msgspec.structs.replace(rollout, id="next"))
    kept = sorted(path for path in tmp_path.iterdir())
    assert [path.name for path in kept] == ["rollout-r.json", "rollout.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_a_roll_out_is_the_same_after_it_was_kept() -> None:
    rollout = advance(make(3), there(make(3), desired=earlier()), AT)
    assert msgspec.json.decode(msgspec.json.encode(rollout), type=Rollout) == rollout
