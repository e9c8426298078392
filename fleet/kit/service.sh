# What install.sh and the Debian package do alike once the files are there: have systemd start what the device needs.
# shellcheck shell=sh
# shellcheck disable=SC2154 # set by whoever reads this: root comes before every path, units is where the units lie
unit=nexara-edge.service
enrolling=nexara-edge-enrol.service
updating=nexara-edge-update.service
timer=nexara-edge-update.timer
enabled=$root/etc/systemd/system

# Whether a systemd runs that this concerns.
with_systemd() {
    [ -z "$root" ] && [ -d /run/systemd/system ]
}

# Whether the device has to be enrolled before its agent can start.
must_enrol() {
    [ -f "$units/$enrolling" ] && [ ! -f "$root/etc/nexara/device.pem" ]
}

# Sets failed where the agent does not start.
start_service() {
    failed=''
    if must_enrol; then
        start_enrolling
    elif with_systemd; then
        systemctl daemon-reload
        systemctl enable --quiet "$unit"
        if systemctl restart "$unit"; then say "nexara-edge runs"; else failed=yes; fi
    else
        enable_by_link "$unit"
        say "nexara-edge starts with the machine"
    fi
}

start_enrolling() {
    if with_systemd; then
        systemctl daemon-reload
        systemctl enable --quiet "$unit" "$enrolling"
        systemctl --no-block start "$enrolling"
        say "the device enrols at its site, and then starts: journalctl -u nexara-edge-enrol"
    else
        enable_by_link "$unit"
        enable_by_link "$enrolling"
        say "the device enrols at its site when it starts"
    fi
}

# Only where the configuration says where to look; one before may have said so too.
start_looking_for_updates() {
    if [ ! -f "$units/$timer" ]; then
        rm -f "$enabled/timers.target.wants/$timer"
        if with_systemd; then systemctl stop --quiet "$timer" 2>/dev/null || :; fi
    elif with_systemd; then
        systemctl daemon-reload
        systemctl enable --quiet --now "$timer"
    else
        enable_by_link "$timer" timers.target
    fi
}

enable_by_link() {
    wants=$enabled/${2:-multi-user.target}.wants
    mkdir -p "$wants"
    if [ "$units" = "$enabled" ]; then place=../$1; else place=${units#"$root"}/$1; fi
    ln -sfn "$place" "$wants/$1"
}
