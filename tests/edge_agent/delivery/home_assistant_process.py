"""Home Assistant with its MQTT integration alone, run by a Python that has it: every state as a line of JSON.

Arguments: a folder for its files, the broker's port, and one for its own web server.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import sys
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import EVENT_STATE_CHANGED, __version__
from homeassistant.core import Event, HomeAssistant
from homeassistant.core_config import async_process_ha_core_config
from homeassistant.helpers import device_registry, entity_registry
from homeassistant.setup import async_setup_component


def tell(**what: Any) -> None:
    sys.stdout.write(json.dumps(what, default=str) + "\n")
    sys.stdout.flush()


async def tell_of(hass: HomeAssistant, event: Event) -> None:
    """A state that changed: its entity's device, and of an image what it shows, in hexadecimal."""
    entity_id, state = event.data["entity_id"], event.data["new_state"]
    if state is None:
        tell(entity=entity_id, state=None)
        return
    known = entity_registry.async_get(hass).async_get(entity_id)
    device = known and known.device_id and device_registry.async_get(hass).async_get(known.device_id)
    parent = device and device.via_device_id and device_registry.async_get(hass).async_get(device.via_device_id)
    image = hass.data["image"].get_entity(entity_id) if entity_id.startswith("image.") else None
    picture = await image.async_image() if image else None
    tell(
        entity=entity_id,
        state=state.state,
        attributes=dict(state.attributes),
        unique_id=known and known.unique_id,
        category=known and known.entity_category,
        device=device and device.name,
        via=parent and parent.name,
        picture=picture and picture.hex(),
    )


async def main(folder: Path, broker_port: int, web_port: int) -> None:
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    (folder / "configuration.yaml").touch()
    hass = HomeAssistant(str(folder))
    # All that is needed is installed, or the test is skipped.
    hass.config.skip_pip = True
    loader.async_setup(hass)
    hass.config_entries = ConfigEntries(hass, {})
    hass.bus.async_listen(EVENT_STATE_CHANGED, partial(tell_of, hass))
    await bootstrap.async_load_base_functionality(hass)
    web = {"http": {"server_host": "127.0.0.1", "server_port": web_port}}
    assert await async_setup_component(hass, "homeassistant", {})
    await async_process_ha_core_config(hass, {})
    assert await async_setup_component(hass, "http", web)
    if hass.config_entries.async_entries("mqtt"):
        assert await async_setup_component(hass, "mqtt", {})
    else:
        await hass.config_entries.async_add(connect_to(broker_port))
    await hass.async_start()
    tell(entity=None, state="started", version=__version__)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await hass.async_stop(force=True)


def connect_to(port: int) -> ConfigEntry:
    """What a person types into the form of the MQTT integration."""
    # Versions before 2025.3 do not know them.
    known = inspect.signature(ConfigEntry.__init__).parameters
    parts = {"subentries_data": []} if "subentries_data" in known else {}
    return ConfigEntry(
        domain="mqtt",
        title="broker",
        data={"broker": "127.0.0.1", "port": port, "protocol": "5"},
        options={},
        source="user",
        unique_id=None,
        version=1,
        minor_version=2,
        discovery_keys=MappingProxyType({}),
        **parts,
    )


asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
