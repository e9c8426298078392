"""The kit as a Debian package of one device: dpkg keeps what ``install.sh`` would."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from fleet.kit.archive import MTIME_S
from fleet.kit.errors import KitError
from fleet.kit.order import Order
from fleet.kit.service import TIMER, UNIT, UPDATING, list_groups

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
_PREINST = """\
#!/bin/sh
set -e
if [ -e /opt/nexara ] && [ ! -L /opt/nexara ]; then
    echo "nexara-edge: /opt/nexara is a folder, of an installation by hand; move it away" >&2
    exit 1
fi
groups='{groups}'
for group in $groups; do
    getent group "$group" >/dev/null || {{
        echo "nexara-edge: there is no group $group, which a drop-in wants; addgroup --system $group" >&2
        exit 1
    }}
done
"""
_POSTINST = """\
#!/bin/sh
set -e
if [ "$1" = configure ]; then
    /opt/nexara/bin/python -m compileall -q /opt/nexara/lib >/dev/null 2>&1 || :
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl enable --quiet {unit}
        systemctl restart {unit} || :
    else
        mkdir -p /etc/systemd/system/multi-user.target.wants
        ln -sfn /usr/lib/systemd/system/{unit} /etc/systemd/system/multi-user.target.wants/{unit}
    fi
    wants=/etc/systemd/system/timers.target.wants
    if [ ! -f /usr/lib/systemd/system/{timer} ]; then
        rm -f $wants/{timer}
    elif [ -d /run/systemd/system ]; then
        systemctl enable --quiet --now {timer}
    else
        mkdir -p $wants
        ln -sfn /usr/lib/systemd/system/{timer} $wants/{timer}
    fi
fi
"""
_PRERM = """\
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now {unit} || :
    [ ! -f /usr/lib/systemd/system/{timer} ] || systemctl disable --quiet --now {timer} || :
    [ ! -f /usr/lib/systemd/system/{updating} ] || systemctl stop --quiet {updating} || :
fi
# What was compiled here is in no list of dpkg's.
find /opt/nexara/lib/ -name __pycache__ -type d -exec rm -rf {{}} + || :
"""
_POSTRM = """\
#!/bin/sh
set -e
if [ "$1" = remove ]; then
    rm -f /etc/systemd/system/multi-user.target.wants/{unit} /etc/systemd/system/timers.target.wants/{timer}
fi
if [ "$1" = purge ]; then
    rm -rf /etc/nexara /var/lib/nexara-edge /var/lib/private/nexara-edge
    rm -rf /var/cache/nexara-edge /var/cache/private/nexara-edge
fi
if [ -d /run/systemd/system ]; then
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
