"""The kit as a Debian package of one device: dpkg keeps what ``install.sh`` would."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from edge_agent.enrolment.command import TOKEN
from fleet.kit.archive import MTIME_S
from fleet.kit.configuration import CERTIFICATE
from fleet.kit.errors import KitError
from fleet.kit.order import Order
from fleet.kit.service import CREDENTIALS, ENROLLING, TIMER, UNIT, UPDATING, list_groups

_TOKEN = f"/opt/nexara-edge/{TOKEN}"
_CONTROL = """\
Package: nexara-edge
Version: {version}
Architecture: {architecture}
Maintainer: NexaraVision <packages@nexaravision.invalid>
Installed-Size: {size_kb}
Depends: {python}, libc6 (>= 2.28)
Section: video
Priority: optional
Description: violence detection on this device, for {device} of site {site}
 The agent with its Python environment, the bundle that it judges by, and the
 configuration, certificate and secrets of this one device.
"""
# dpkg says where the machine is that it installs into, if it is not this one.
_PREINST = """\
#!/bin/sh
set -e
root=${{DPKG_ROOT:-}}
if [ -e "$root/opt/nexara" ] && [ ! -L "$root/opt/nexara" ]; then
    echo "nexara-edge: /opt/nexara is a folder, of an installation by hand; move it away" >&2
    exit 1
fi
groups='{groups}'
for group in $groups; do
    grep -q "^$group:" "$root/etc/group" || {{
        echo "nexara-edge: there is no group $group, which a drop-in wants; addgroup --system $group" >&2
        exit 1
    }}
done
"""
_POSTINST = """\
#!/bin/sh
set -e
root=${{DPKG_ROOT:-}} units=${{DPKG_ROOT:-}}/usr/lib/systemd/system
say() {{ echo "nexara-edge: $*"; }}
{steps}
if [ "$1" = configure ]; then
    [ -n "$root" ] || /opt/nexara/bin/python -m compileall -q /opt/nexara/lib >/dev/null 2>&1 || :
    # No conffile, since it is used up: a device that has its certificate needs none.
    if [ -f "$root{token}" ] && [ ! -f "$root{certificate}" ]; then mv "$root{token}" "$root{credentials}/"; fi
    rm -f "$root{token}"
    start_looking_for_updates
    start_service
    [ -z "$failed" ] || say "the agent does not start; see: journalctl -u nexara-edge -n 20"
fi
"""
_PRERM = """\
#!/bin/sh
set -e
root=${{DPKG_ROOT:-}}
if [ "$1" = remove ] && [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now {unit} || :
    [ ! -f /usr/lib/systemd/system/{enrolling} ] || systemctl disable --quiet --now {enrolling} || :
    [ ! -f /usr/lib/systemd/system/{timer} ] || systemctl disable --quiet --now {timer} || :
    [ ! -f /usr/lib/systemd/system/{updating} ] || systemctl stop --quiet {updating} || :
fi
# What was compiled here is in no list of dpkg's.
find "$root/opt/nexara/lib/" -name __pycache__ -type d -exec rm -rf {{}} + || :
"""
_POSTRM = """\
#!/bin/sh
set -e
root=${{DPKG_ROOT:-}}
enabled=$root/etc/systemd/system
if [ "$1" = remove ]; then
    rm -f "$enabled/multi-user.target.wants/{unit}" "$enabled/multi-user.target.wants/{enrolling}"
    rm -f "$enabled/timers.target.wants/{timer}"
fi
if [ "$1" = purge ]; then
    rm -rf "$root/etc/nexara" "$root/var/lib/nexara-edge" "$root/var/lib/private/nexara-edge"
    rm -rf "$root/var/cache/nexara-edge" "$root/var/cache/private/nexara-edge"
fi
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
"""


def pack_debian(order: Order, kit: Path, release: str, out: Path) -> None:
    """Write the kit that is laid out in ``kit`` as the package ``out``, the same bytes for the same kit; ``kit`` is
    changed by it. Raises ``KitError`` without ``dpkg-deb``, and when that fails."""
    program = shutil.which("dpkg-deb")
    if program is None:
        raise KitError("no dpkg-deb here; make the package on Debian or Ubuntu, or name a .tar.xz")
    root = kit / "root"
    (root / "usr" / "lib" / "systemd").mkdir(parents=True)
    (root / "etc" / "systemd" / "system").rename(root / "usr" / "lib" / "systemd" / "system")
    (root / "etc" / "systemd").rmdir()
    token = root / CREDENTIALS.lstrip("/") / TOKEN
    if token.exists():
        token.rename(root / _TOKEN.lstrip("/"))
    (root / "opt" / "nexara").symlink_to(f"nexara-edge/{release}")
    (root / "opt" / "nexara-edge" / release / "bin" / "python").symlink_to(order.interpreter)
    (root / "usr" / "share" / "doc" / "nexara-edge").mkdir(parents=True)
    shutil.copyfile(order.checkout / "LICENSE", root / "usr" / "share" / "doc" / "nexara-edge" / "copyright")
    _write_control(order, root, release)
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(MTIME_S)}
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=".deb-") as folder:
        made = Path(folder) / "made.deb"
        command = [program, "--root-owner-group", "-Zxz", "-z3", "--threads-max=1", "--build", str(root), str(made)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise KitError(f"dpkg-deb: {done.stderr.strip()}")
        made.chmod(0o600)
        made.replace(out)


def _write_control(order: Order, root: Path, release: str) -> None:
    control = root / "DEBIAN"
    control.mkdir(0o755)
    settings = order.configuration.settings
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    values = {
        "version": release,
        "architecture": order.target.architecture,
        "size_kb": sum(path.stat().st_size for path in files) // 1024,
        "python": f"python{order.target.python}" if order.interpreter.startswith("/usr/bin/") else "libc6",
        "device": settings.device,
        "site": settings.site,
        "unit": UNIT,
        "timer": TIMER,
        "updating": UPDATING,
        "enrolling": ENROLLING,
        "token": _TOKEN,
        "certificate": CERTIFICATE,
        "credentials": CREDENTIALS,
        "steps": resources.files("fleet.kit").joinpath("service.sh").read_text(encoding="utf-8"),
        "groups": " ".join(list_groups(order.drop_ins)),
    }
    texts = {"control": _CONTROL, "preinst": _PREINST, "postinst": _POSTINST, "prerm": _PRERM, "postrm": _POSTRM}
    for name, text in texts.items():
        (control / name).write_text(text.format(**values))
        (control / name).chmod(0o644 if name == "control" else 0o755)
    kept = sorted(f"/{path.relative_to(root).as_posix()}\n" for path in files if path.parts[len(root.parts)] == "etc")
    (control / "conffiles").write_text("".join(kept))
    (control / "conffiles").chmod(0o644)
    for path in root.rglob("*"):
        if path.is_dir():
            path.chmod(0o700 if path.name == "credentials" else 0o755)
