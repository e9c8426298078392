"""The documents an installer reads say what the code does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from jsonschema import Draft7Validator

from edge_agent.bundles.desire_box import DesireBox
from edge_agent.clips.facts import ClipFacts, Cut
from edge_agent.commands.errors import RefusalKind
from edge_agent.commands.forms import COMMAND_PAYLOADS, FORMS
from edge_agent.commands.gate import Gate
from edge_agent.commands.inbox import Inbox
from edge_agent.commands.message import Answer, Request
from edge_agent.commands.name import CommandName
from edge_agent.commands.options import CommandOptions, Signer
from edge_agent.commands.seen_ids import SeenIds
from edge_agent.config import load_config
from edge_agent.config.settings import Clips, Commands, Operator, Privacy, Updates
from edge_agent.config.settings import HomeAssistant as HomeAssistantSettings
from edge_agent.config.walls import list_views
from edge_agent.delivery.asyncapi import FILE, generate_asyncapi
from edge_agent.delivery.channels import CHANNELS, Channel
from edge_agent.delivery.home_assistant import HomeAssistant
from edge_agent.delivery.message import JPEG, Message
from edge_agent.delivery.message_schemas import DIRECTORY, generate_schemas, render_schema
from edge_agent.delivery.payloads import PAYLOADS
from edge_agent.delivery.request import Subscription
from edge_agent.delivery.topics import Topics
from edge_agent.mqtt_contract import ALL_CHANNELS, ALL_PAYLOADS
from edge_agent.privacy.weights import FASTEST_DET
from edge_agent.state_file import StateFile
from tests.edge_agent.commands.asking import Asker, write
from tests.edge_agent.delivery.listener import Listener, wait_for
from tests.edge_agent.delivery.mosquitto import Mosquitto
from tests.edge_agent.delivery.samples import health, incident, make_outbox, snapshot, state

ROOT = Path(__file__).parents[2]
ASYNCAPI_SPECS = "NEXARA_ASYNCAPI_SPECS"
MQTT = (ROOT / "docs" / "mqtt.md").read_text()
COMMAND_SCHEMAS = ROOT / "edge_agent" / "commands" / "schemas"
INSTALLING = (ROOT / "docs" / "installing.md").read_text()


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- schema: ([a-z-]+) -->\n```json\n(.*?)```", MQTT, re.DOTALL))


def test_example_configuration_is_valid() -> None:
    config = load_config(ROOT / "docs" / "edge.toml")
    assert [camera.id for camera in config.settings.camera] == ["yard", "corridor"]


def test_clips_of_the_example_are_valid_when_they_are_asked_for(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "edge.toml").read_text()
    text, found = re.subn(
        r"^# (?=\[clips\]|directory = .*clips|before_s|after_s|longest_s|max_\w+)", "", example, flags=re.MULTILINE
    )
    assert found == 8
    (tmp_path / "edge.toml").write_text(text)
    clips = load_config(tmp_path / "edge.toml").settings.clips
    assert clips == Clips(directory="/var/lib/nexara-edge/clips")


def test_websockets_and_a_second_broker_of_the_example_are_valid_when_they_are_asked_for(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "edge.toml").read_text()
    wanted = r"transport = .websockets|path = ./mqtt|protocol = |message_expiry_s|return_after_s|drain = "
    wanted += r"|\[\[mqtt\.fallback|host = .backup"
    text, found = re.subn(rf"^# (?={wanted})", "", example, flags=re.MULTILINE)
    account = r'^# (?=username = "gate-1"|password = "credential:backup)'
    text, more = re.subn(account, "", text, flags=re.MULTILINE)
    assert (found, more) == (8, 2)
    (tmp_path / "edge.toml").write_text(text)
    settings = load_config(tmp_path / "edge.toml").settings
    assert (settings.mqtt.transport, settings.mqtt.path, settings.mqtt.return_after_s) == ("websockets", "/mqtt", 300)
    assert [fallback.host for fallback in settings.mqtt.fallback] == ["backup.example.org"]
    assert (settings.spool.drain, settings.mqtt.protocol, settings.mqtt.message_expiry_s) == ("newest", "3.1.1", 86_400)


def test_home_assistant_of_the_example_is_valid_when_it_is_asked_for(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "edge.toml").read_text()
    text, found = re.subn(r"^# (?=\[mqtt\.home_assistant\]|prefix = )", "", example, flags=re.MULTILINE)
    assert found == 2
    (tmp_path / "edge.toml").write_text(text)
    assert load_config(tmp_path / "edge.toml").settings.mqtt.home_assistant == HomeAssistantSettings()


def test_privacy_of_the_documents_is_valid_and_names_the_weights_that_are_taken(tmp_path: Path) -> None:
    found = re.search(r"<!-- privacy -->\n```toml\n(.*?)```", INSTALLING, re.DOTALL)
    assert found is not None
    example = (ROOT / "docs" / "edge.toml").read_text()
    path = tmp_path / "edge.toml"
    path.write_text(example + found[1])
    wanted = Privacy(faces="blur", detector="/opt/nexara/FastestDet.onnx")
    assert load_config(path).settings.privacy == wanted
    path.write_text(re.sub(r"^# (?=\[privacy\]|faces = \"blur\"|detector)", "", example, flags=re.MULTILINE))
    assert load_config(path).settings.privacy == wanted
    assert FASTEST_DET.address in INSTALLING
    assert f"{FASTEST_DET.sha256}  {wanted.detector}" in INSTALLING


def test_commands_of_the_example_are_valid_when_they_are_asked_for(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "edge.toml").read_text()
    begin = example.index("# [commands]")
    end = example.index("\n\n", begin)
    shown = re.sub(r"^# ", "", example[begin:end], flags=re.MULTILINE)
    (tmp_path / "edge.toml").write_text(example[:begin] + shown + example[end:])
    assert load_config(tmp_path / "edge.toml").settings.commands == Commands(
        allow=tuple(FORMS), operator=(Operator(name="ana", key="credential:ana", allow=("ping", "mute", "label")),)
    )


@pytest.mark.parametrize("key", ["desired", "manifest"])
def test_updates_of_the_example_are_valid_and_its_figures_those_that_hold_without(tmp_path: Path, key: str) -> None:
    example = (ROOT / "docs" / "edge.toml").read_text()
    text, found = re.subn(rf"^# (?={key} = )", "", example, flags=re.MULTILINE)
    assert found == 1
    (tmp_path / "edge.toml").write_text(text)
    updates = load_config(tmp_path / "edge.toml").settings.updates
    assert updates is not None
    assert (updates.desired, updates.manifest is None) == (key == "desired", key == "desired")
    shown = msgspec.structs.replace(updates, desired=False, manifest=None)
    assert shown == Updates(directory="/var/lib/nexara-edge/bundles")


def test_example_walls_are_valid(tmp_path: Path) -> None:
    walls = re.findall(r"<!-- wall -->\n```toml\n(.*?)```", INSTALLING, re.DOTALL)
    shown = (ROOT / "docs" / "edge.toml").read_text()
    commented = re.findall(r"^# (\[\[camera\]\]|id = .*|source = .*|grid = .*|border = .*)$", shown, re.MULTILINE)
    path = tmp_path / "edge.toml"
    path.write_text("\n".join([shown, *walls, *commented]))
    views = [view.id for camera in load_config(path).settings.camera for view in list_views(camera)]
    assert views[2:] == [*(f"lobby-{number}" for number in range(1, 13)), "entrance", "stairs",
                         *(f"hall-{number}" for number in range(1, 13))]  # fmt: skip


def test_every_payload_has_an_example() -> None:
    assert set(examples()) == set(PAYLOADS)


@pytest.mark.parametrize("name", PAYLOADS)
def test_example_is_what_its_payload_says(name: str) -> None:
    document = json.loads(examples()[name])
    decoded = msgspec.convert(document, PAYLOADS[name])
    assert json.loads(msgspec.json.encode(decoded)) == document
    assert set(document) == set(PAYLOADS[name].__struct_fields__)


def test_example_of_what_lies_beside_a_clip_is_true() -> None:
    found = re.search(r"<!-- clip -->\n```json\n(.*?)```", MQTT, re.DOTALL)
    assert found is not None
    document = json.loads(found[1])
    assert json.loads(msgspec.json.encode(msgspec.convert(document, ClipFacts))) == document
    assert all(f"`{cut}` (" in MQTT for cut in get_args(Cut))


@pytest.mark.parametrize("name", PAYLOADS)
def test_published_schema_is_the_generated_one(name: str) -> None:
    published = (DIRECTORY / f"{name}.schema.json").read_bytes()
    assert published == render_schema(generate_schemas()[name])


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_topic_table_says_of_each_topic_how_it_travels(channel: Channel) -> None:
    topic = channel.address.removeprefix("nexara/v1/{site}/{device}/").replace("{camera}", "<id>")
    row = next(line for line in MQTT.splitlines() if line.startswith(f"| `{topic.replace('{object}', '<object>')}`"))
    form = "JPEG" if channel.content_type == JPEG else "JSON"
    assert f"| {'yes' if channel.retained else 'no'} | {channel.qos} | {form}" in row


def test_published_asyncapi_document_is_the_generated_one() -> None:
    assert (DIRECTORY / FILE).read_bytes() == render_schema(generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS))


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS)
    references = re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(document))
    assert len(references) > 3 * len(CHANNELS)
    for reference in references:
        part = document
        for key in reference.split("/"):
            part = part[key]
    titles = {PAYLOADS[channel.schema].__name__ for channel in CHANNELS} | {"SetArguments", "PingResult"}
    assert titles <= set(document["components"]["schemas"])


def test_asyncapi_document_is_valid() -> None:
    place = os.environ.get(ASYNCAPI_SPECS)
    if place is None:
        pytest.skip(f"no AsyncAPI schema here; {ASYNCAPI_SPECS} must name the unpacked npm package @asyncapi/specs")
    schema = json.loads((Path(place) / "schemas" / "3.0.0-without-$id.json").read_text())
    faults = Draft7Validator(schema).iter_errors(generate_asyncapi(ALL_CHANNELS, ALL_PAYLOADS))
    assert [f"{fault.json_path}: {fault.message}" for fault in faults] == []


def test_example_of_home_assistant_is_what_is_published_of_these_entities() -> None:
    document = json.loads(examples()["home-assistant"])
    _, camera = HomeAssistant(Topics("north-school", "gate-1"), "0.1.0").announce(["yard"])
    published = json.loads(camera.payload)
    published["components"] = {key: published["components"][key] for key in document["components"]}
    assert document == published
    assert f"`{camera.topic}`" in MQTT


def test_every_entity_of_home_assistant_is_in_its_table() -> None:
    table = MQTT.partition("## Home Assistant")[2].partition("## What is promised")[0]
    for message in HomeAssistant(Topics("north-school", "gate-1"), "0.1.0").announce(["yard"]):
        for component in json.loads(message.payload)["components"].values():
            assert component["name"] in table


@pytest.mark.parametrize("name", COMMAND_PAYLOADS)
def test_published_schema_of_a_command_is_the_generated_one(name: str) -> None:
    published = (COMMAND_SCHEMAS / f"{name}.schema.json").read_bytes()
    assert published == render_schema(generate_schemas(COMMAND_PAYLOADS)[name])
    assert len(list(COMMAND_SCHEMAS.iterdir())) == len(COMMAND_PAYLOADS)


@pytest.mark.parametrize("name", FORMS)
def test_examples_of_a_command_are_what_its_forms_say(name: CommandName) -> None:
    found = dict(re.findall(r"<!-- (command|answer): " + name + r" -->\n```json\n(.*?)```", MQTT, re.DOTALL))
    form = FORMS[name]
    request: Any = msgspec.json.decode(found["command"], type=Request[form.arguments])  # type: ignore[name-defined]
    answer: Any = msgspec.json.decode(found["answer"], type=Answer[form.result])  # type: ignore[name-defined]
    assert (answer.id, answer.command, answer.ok) == (request.id, name, True)
    assert json.loads(msgspec.json.encode(answer)) == json.loads(found["answer"])


def test_every_kind_of_refusal_is_explained() -> None:
    table = MQTT.partition("<!-- refusals -->")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \| (?:no|yes) \|", table, re.MULTILINE)) == set(get_args(RefusalKind))


def test_documented_acl_lets_the_agent_publish_and_the_dashboard_read(tmp_path: Path) -> None:
    found = re.search(r"<!-- acl -->\n```\n(.*?)```", INSTALLING, re.DOTALL)
    assert found is not None
    (tmp_path / "acl").write_text(found[1])
    broker = Mosquitto(
        tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords", f"acl_file {tmp_path}/acl")
    )
    for name in ("gate-1", "dashboard"):
        broker.add_password(name, name)
    broker.start()
    outbox = make_outbox(broker.port, tmp_path, Topics("north-school", "gate-1"), username="gate-1", password="gate-1")
    try:
        listener = Listener(broker.port, username="dashboard", password="dashboard")
        outbox.start()
        wait_for(lambda: outbox.connected, "no session")
        outbox.camera_state(state())
        outbox.incident(incident())
        outbox.snapshot(snapshot())
        outbox.health(health())
        for suffix in ("/status", "/state", "/incident", "/snapshot", "/health"):
            listener.until_topic(suffix)
        listener.close()
        outbox.close()
    finally:
        broker.stop()


def test_documented_acl_lets_the_agent_announce_and_home_assistant_hear_it(tmp_path: Path) -> None:
    accounts = [
        re.search(rf"<!-- {acl} -->\n```\n(.*?)```", INSTALLING, re.DOTALL) for acl in ("acl", "acl of home assistant")
    ]
    (tmp_path / "acl").write_text("\n".join(found[1] for found in accounts if found is not None))
    broker = Mosquitto(
        tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords", f"acl_file {tmp_path}/acl")
    )
    for name in ("gate-1", "homeassistant"):
        broker.add_password(name, name)
    broker.start()
    topics = Topics("north-school", "gate-1")
    announcements = HomeAssistant(topics, "0.1.0").announce(["yard"])
    outbox = make_outbox(
        broker.port, tmp_path, topics, announcements=announcements, username="gate-1", password="gate-1"
    )
    try:
        listener = Listener(broker.port, username="homeassistant", password="homeassistant")
        outbox.start()
        listener.until_topic("/config", len(announcements))
        listener.until_topic("/status")
        listener.close()
        outbox.close()
    finally:
        broker.stop()


def test_documented_acl_lets_an_operator_command_and_a_dashboard_not(tmp_path: Path) -> None:
    found = re.search(r"<!-- command acl -->\n```\n(.*?)```", MQTT, re.DOTALL)
    assert found is not None
    (tmp_path / "acl").write_text(found[1])
    broker = Mosquitto(
        tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords", f"acl_file {tmp_path}/acl")
    )
    for name in ("gate-1", "ana", "dashboard"):
        broker.add_password(name, name)
    broker.start()
    topics = Topics("north-school", "gate-1")
    inbox = Inbox()
    outbox = make_outbox(
        broker.port,
        tmp_path,
        topics,
        username="gate-1",
        password="gate-1",
        subscriptions=[Subscription(topics.commands, inbox.put)],
    )
    outbox.start()
    wait_for(lambda: broker.has_logged("nexara/v1/north-school/gate-1/command/+ (QoS 1)"), "not subscribed")
    askers = [Asker(broker.port, topics.answers, topics.root, username=name) for name in ("dashboard", "ana")]
    try:
        for asker in askers:
            asker.send("ping", write({"camera": asker.username}))
        request = inbox.take(30)
        assert request is not None
        assert b'"ana"' in request.payload
        assert request.response_topic is not None
        outbox.answer(Message(request.response_topic, b"{}", correlation=request.correlation))
        assert request.correlation is not None
        assert askers[1].answer(request.correlation) == {}
    finally:
        for asker in askers:
            asker.close()
        outbox.close()
        broker.stop()


def test_documented_acl_lets_an_operator_say_what_is_desired_and_the_device_alone_tell_of_it(tmp_path: Path) -> None:
    found = re.search(r"<!-- desired acl -->\n```\n(.*?)```", MQTT, re.DOTALL)
    assert found is not None
    (tmp_path / "acl").write_text(found[1])
    broker = Mosquitto(
        tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords", f"acl_file {tmp_path}/acl")
    )
    for name in ("gate-1", "ana"):
        broker.add_password(name, name)
    broker.start()
    topics, box = Topics("north-school", "gate-1"), DesireBox()
    outboxes = [
        make_outbox(broker.port, tmp_path / name, topics, username=name, password=name, subscriptions=subscriptions)
        for name, subscriptions in (("gate-1", [Subscription(topics.desired_bundle, box.put)]), ("ana", []))
    ]
    listener = Listener(broker.port, username="ana", password="ana")
    try:
        outboxes[0].start()
        outboxes[0].post(Message(topics.bundle, examples()["bundle"].encode(), retain=True))
        assert listener.until_topic("/bundle")[0].retain is False
        outboxes[0].close()
        # Two of one client id would end each other's sessions; what is retained waits for the device.
        outboxes[1].start()
        outboxes[1].post(Message(topics.bundle, b"{}", retain=True))
        outboxes[1].post(Message(topics.desired_bundle, examples()["desired-bundle"].encode(), retain=True))
        listener.until_topic("/desired/bundle")
        outboxes[1].close()
        assert len(listener.until_topic("gate-1/bundle")) == 1
    finally:
        listener.close()
        broker.stop()


def test_documented_shell_signs_a_request_that_is_let_in(tmp_path: Path) -> None:
    if shutil.which("mosquitto_rr") is None:
        pytest.skip("no mosquitto_rr here; install the Debian package mosquitto-clients")
    found = re.search(r"```sh\n(topic=.*?)```", MQTT, re.DOTALL)
    assert found is not None
    broker, inbox = Mosquitto(tmp_path).start(), Inbox()
    topics, key = Topics("north-school", "gate-1"), b"a key of some length"
    (tmp_path / "ana.key").write_bytes(key + b"\n")
    outbox = make_outbox(broker.port, tmp_path, topics, subscriptions=[Subscription(topics.commands, inbox.put)])
    outbox.start()
    wait_for(lambda: broker.has_logged("nexara/v1/north-school/gate-1/command/+ (QoS 1)"), "not subscribed")
    script = found[1].replace("-h broker.example.org -u ana -P ...", f"-h 127.0.0.1 -p {broker.port} -W 60")
    shell = subprocess.Popen(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        request = inbox.take(60)
        assert request is not None
        allow: frozenset[CommandName] = frozenset({"ping"})
        options = CommandOptions(topics, topics.answers, allow, {"ana": Signer(key, allow)})
        gate = Gate(options, SeenIds(60, StateFile(tmp_path / "seen.json")))
        assert gate.admit(request, datetime.now(timezone.utc)).operator == "ana"
        assert request.response_topic == f"{topics.answers}ana"
        outbox.answer(Message(request.response_topic, b"heard", correlation=request.correlation))
        assert shell.communicate(timeout=60)[0] == "heard\n"
    finally:
        shell.kill()
        outbox.close()
        broker.stop()
