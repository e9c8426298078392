#!/bin/sh
# Installs NexaraVision's agent from the kit that this lies in, upgrades it, or takes it away. No network is needed.
# shellcheck disable=SC2154 # what it does not set stands in kit.env
# Everything is checked before anything is changed. The new release lies whole beside the old one before one rename
# turns /opt/nexara over to it, so that an installation that is cut leaves a device that works; run it again to go on.
set -eu
umask 022

usage() {
    cat <<'TEXT'
usage: sh install.sh [--root DIR] [--uninstall [--purge]]

  --root DIR    into the root file system of another machine that is mounted at DIR
  --uninstall   take the agent away; configuration, keys and what waits for the broker stay
  --purge       take those away too

A copy of this script stays at /opt/nexara-edge/install.sh, for --uninstall.
TEXT
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

say() {
    printf '%s\n' "-- $*"
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root='' action=install_kit purge=''
while [ $# -gt 0 ]; do
    case $1 in
        --root)
            [ -d "${2:-}" ] || fail "--root: '${2:-}' is no folder; name where the file system is mounted"
            root=$(CDPATH='' cd -- "$2" && pwd -P)
            [ "$root" != / ] || root=''
            shift
            ;;
        --uninstall) action=uninstall ;;
        --purge) purge=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        *)
            usage >&2
            fail "unknown option '$1'"
            ;;
    esac
    shift
done
[ -z "$purge" ] || [ "$action" = uninstall ] || fail "--purge goes with --uninstall"

base=$root/opt/nexara-edge
link=$root/opt/nexara
units=$root/etc/systemd/system
# shellcheck source=fleet/kit/service.sh
. "$here/service.sh"
# What was installed last, so that a file that somebody changed since is told from one that nobody touched.
record=$base/installed.sha256

# Whether a folder lies where its name says. In a mounted root a link may lead into the machine that it is mounted at.
inside() {
    [ -n "$root" ] || return 0
    case $(readlink -m "$1") in
        "$root" | "$root"/*) ;;
        *) return 1 ;;
    esac
}

check_places() {
    for place in opt/nexara-edge etc/nexara/credentials etc/nexara/keys etc/systemd/system/multi-user.target.wants \
        etc/systemd/system/timers.target.wants "etc/systemd/system/$unit.d" "etc/systemd/system/$updating.d" \
        var/lib/private var/cache/private; do
        inside "$root/$place" ||
            fail "/$place leads out of $root, to $(readlink -m "$root/$place"); replace the link by a folder or a relative link"
    done
}

# The sums and names of what was installed last, as far as they may be touched.
recorded() {
    grep -E '^[0-9a-f]{64}  etc/' "$record" | grep -vF /../ | while read -r sum name; do
        if inside "$root/${name%/*}"; then printf '%s  %s\n' "$sum" "$name"; fi
    done
}

as_root() {
    [ "$(id -u)" = 0 ] || fail "found user $(id -un); run it as root"
}

check_files() {
    (cd "$here" && sha256sum --check --status --strict SHA256SUMS) ||
        fail "the kit is damaged: $(cd "$here" && sha256sum --check --quiet SHA256SUMS 2>/dev/null | head -n 1); copy it again"
    (cd "$here" && find . -type f ! -name SHA256SUMS | cut -c 3- | LC_ALL=C sort) >"$scratch/there"
    cut -c 67- "$here/SHA256SUMS" | LC_ALL=C sort >"$scratch/listed"
    cmp -s "$scratch/there" "$scratch/listed" ||
        fail "the kit has files that it does not list; unpack it into an empty folder"
}

check_machine() {
    there=$root$interpreter
    if [ ! -f "$there" ]; then
        found=''
        for one in "$root"/usr/bin/python3.[0-9] "$root"/usr/bin/python3.[0-9][0-9]; do
            [ ! -f "$one" ] || found="$found ${one##*/}"
        done
        fail "$interpreter is not there (found:${found:- no Python}); install python$python, or make the kit with" \
            "--python as this machine has it (3.10, 3.11 or 3.12)"
    fi
    machine=$(od -An -tx1 -j18 -N2 "$there" | tr -d ' ')
    [ "$machine" = "$elf_machine" ] ||
        fail "the kit is for $architecture, and $interpreter is a program of another processor (ELF $machine);" \
            "make the kit with --target as this machine is"
    if [ -z "$root" ]; then
        version=$("$interpreter" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || version=broken
        [ "$version" = "$python" ] || fail "$interpreter is Python $version; the kit is for Python $python"
        "$interpreter" -c 'import ctypes, sqlite3, ssl' 2>/dev/null ||
            fail "$interpreter lacks parts of its library; install the package python3, not python3-minimal alone"
    fi
    for group in $groups; do
        grep -q "^$group:" "$root/etc/group" ||
            fail "there is no group $group, which a drop-in wants; install what brings it, or addgroup --system $group"
    done
    if [ -e "$link" ] && [ ! -L "$link" ]; then
        fail "/opt/nexara is a folder, of an installation by hand; move it away: the kit brings all that is in it"
    fi
    place=$root/opt
    [ -d "$place" ] || place=$root/
    free_kb=$(df -kP "$place" | awk 'NR == 2 { print $4 }')
    [ "$free_kb" -gt $((size_kb + 65536)) ] ||
        fail "$place has $((free_kb / 1024)) MB free; $((size_kb / 1024 + 64)) are needed"
}

# The sums of the release alone, as they are in its own folder.
release_sums() {
    sed -n "s|^\([0-9a-f]*  \)root/opt/nexara-edge/$release/|\1|p" "$here/SHA256SUMS"
}

place_release() {
    if [ -d "$base/$release" ]; then
        if (cd "$base/$release" && release_sums | sha256sum --check --status --strict); then
            say "release $release is there already"
            return
        fi
        say "release $release is damaged and is replaced"
        rm -rf "$base/damaged"
        mv "$base/$release" "$base/damaged"
    fi
    making=$base/.making
    rm -rf "$making"
    mkdir -p "$base"
    cp -R "$here/root/opt/nexara-edge/$release" "$making"
    if [ "$(id -u)" = 0 ]; then chown -R 0:0 "$making"; fi
    chmod -R u=rwX,go=rX "$making"
    ln -s "$interpreter" "$making/bin/python"
    if [ -z "$root" ]; then
        # Without it each start would compile everything anew: the service may not write here.
        "$making/bin/python" -m compileall -q "$making/lib" >/dev/null 2>&1 || :
        "$making/bin/nexara-edge" --help >"$scratch/said" 2>&1 ||
            fail "the agent does not run here: $(tail -n 3 "$scratch/said"); nothing was changed"
    fi
    sync
    mv "$making" "$base/$release"
    say "release $release is at /opt/nexara-edge/$release"
}

turn_over() {
    previous=$(readlink "$link" 2>/dev/null) || previous=''
    previous=${previous##*/}
    [ "$previous" = "$release" ] && return
    ln -sfn "nexara-edge/$release" "$link.new"
    mv -T "$link.new" "$link"
    sync
}

write() {
    mkdir -p "$(dirname "$2")"
    # Neither a link that is there already nor a folder is followed.
    cp -pT --remove-destination "$1" "$2.part"
    if [ "$(id -u)" = 0 ]; then chown -h 0:0 "$2.part"; fi
    mv -T "$2.part" "$2"
}

# The sum of a file when it was installed; nothing for one that was not.
installed_sum() {
    [ ! -f "$record" ] || grep -F "  $1" "$record" | while read -r sum name; do
        [ "$name" != "$1" ] || printf '%s' "$sum"
    done
}

sum_of() {
    sha256sum <"$1" | cut -c 1-64
}

place_configuration() {
    : >"$scratch/record"
    mkdir -p "$root/etc/nexara/credentials"
    chmod 700 "$root/etc/nexara/credentials"
    sed -n 's|^\([0-9a-f]*\)  root/\(etc/.*\)|\1 \2|p' "$here/SHA256SUMS" >"$scratch/wanted"
    # A device that is enrolled needs no token, and one that is used would only be refused.
    if [ -f "$root/etc/nexara/device.pem" ]; then sed -i '/ etc\/nexara\/credentials\/enrol.token$/d' "$scratch/wanted"; fi
    while read -r sum name; do
        before=$(installed_sum "$name")
        if [ -f "$root/$name" ] && ! cmp -s "$here/root/$name" "$root/$name" &&
            [ "$before" != "$(sum_of "$root/$name")" ]; then
            write "$here/root/$name" "$root/$name.new"
            say "/$name was changed here and stays; the kit's is beside it as ${name##*/}.new"
            [ -z "$before" ] || printf '%s  %s\n' "$before" "$name" >>"$scratch/record"
            continue
        fi
        cmp -s "$here/root/$name" "$root/$name" || write "$here/root/$name" "$root/$name"
        printf '%s  %s\n' "$sum" "$name" >>"$scratch/record"
    done <"$scratch/wanted"
    remove_leftovers
    cp -T --remove-destination "$scratch/record" "$record.part"
    mv -T "$record.part" "$record"
}

# What an earlier kit brought, this one does not, and nobody changed.
remove_leftovers() {
    [ -f "$record" ] || return 0
    recorded >"$scratch/recorded"
    while read -r sum name; do
        if ! grep -qF "  root/$name" "$here/SHA256SUMS" && [ -f "$root/$name" ] && [ "$(sum_of "$root/$name")" = "$sum" ]; then
            rm "$root/$name"
        fi
    done <"$scratch/recorded"
}

# The release before stays, since what runs from it may still load of it, and for somebody who wants to go back.
remove_old_releases() {
    [ "$previous" != "$release" ] || return 0
    for folder in "$base"/*/; do
        name=$(basename "$folder")
        [ "$name" = "$release" ] || [ "$name" = "$previous" ] || rm -rf "${base:?}/$name"
    done
}

install_kit() {
    check_files
    # shellcheck source=/dev/null
    . "$here/kit.env"
    check_places
    check_machine
    place_release
    turn_over
    place_configuration
    # First: another bundle may be what an agent needs that does not start.
    start_looking_for_updates
    start_service
    [ -z "$failed" ] || fail "installed, but the agent does not start; see: journalctl -u nexara-edge -n 20"
    remove_old_releases
    for name in service.sh install.sh; do cp -T --remove-destination "$here/$name" "$base/$name"; done
    say "device $device of site $site: try it with"
    say "CREDENTIALS_DIRECTORY=/etc/nexara/credentials /opt/nexara/bin/nexara-edge doctor --config /etc/nexara/edge.toml"
}

uninstall() {
    check_places
    if with_systemd && [ -f "$units/$unit" ]; then
        systemctl disable --quiet --now "$unit" || :
        [ ! -f "$units/$enrolling" ] || systemctl disable --quiet --now "$enrolling" || :
        [ ! -f "$units/$timer" ] || systemctl disable --quiet --now "$timer" || :
        [ ! -f "$units/$updating" ] || systemctl stop --quiet "$updating" || :
    fi
    rm -f "$units/multi-user.target.wants/$unit" "$units/multi-user.target.wants/$enrolling" \
        "$units/timers.target.wants/$timer"
    if [ -f "$record" ]; then
        recorded >"$scratch/recorded"
        while read -r _ name; do
            case $name in
                etc/systemd/*) rm -f "$root/$name" ;;
                *) [ -z "$purge" ] || rm -f "$root/$name" ;;
            esac
        done <"$scratch/recorded"
    fi
    rmdir "$units/$unit.d" "$units/$updating.d" 2>/dev/null || :
    if [ -L "$link" ]; then rm "$link"; fi
    rm -rf "$base"
    if with_systemd; then systemctl daemon-reload; fi
    if [ -n "$purge" ]; then
        rm -rf "$root/etc/nexara" "$root/var/lib/nexara-edge" "$root/var/lib/private/nexara-edge" \
            "$root/var/cache/nexara-edge" "$root/var/cache/private/nexara-edge"
        say "the agent is gone, and all that it knew"
    else
        say "the agent is gone; /etc/nexara and /var/lib/nexara-edge stay (--purge takes them too)"
    fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
[ -n "$root" ] || as_root
"$action"
