#!/usr/bin/env bash
# boot.sh FOLDER PYTHON PACKAGES CODE: a machine whose first process is systemd, until that process ends.
# It has namespaces, a control group and a file system of its own, and this machine's /usr, kernel and network.
# FOLDER holds what differs: units/ becomes /etc/systemd/system, nexara/ /etc/nexara, opt/ /opt/nexara, log/ /log.
# FOLDER/log/pid then holds the number of its systemd, as this machine counts.
# Run as root by: unshare --mount --propagation private boot.sh ...
set -euo pipefail
folder=$1 python=$2 packages=$3 code=$4
root=$folder/root groups=$folder/groups
mkdir -p "$root" "$groups"

mount -t cgroup2 none "$groups"
group=$groups$(sed -n 's/^0:://p' /proc/self/cgroup)/nexara-test-$$
mkdir "$group"
trap 'find "$group" -depth -type d -exec rmdir {} +' EXIT

mount -t tmpfs -o mode=755 none "$root"
cd "$root"
mkdir -p usr etc/nexara etc/systemd/system proc sys dev run tmp var/lib var/cache var/log log home root
mkdir -p opt/nexara opt/python opt/packages opt/code
chmod 1777 tmp
mount --bind -o ro /usr usr
for link in bin sbin lib lib64; do
    [ ! -e "/$link" ] || ln -s "usr/$link" "$link"
done
cp /etc/passwd /etc/group /etc/nsswitch.conf /etc/ld.so.cache /etc/hosts etc/
printf '%032x\n' "$$" >etc/machine-id
mount --bind "$folder/units" etc/systemd/system
mount --bind "$folder/nexara" etc/nexara
mount --bind "$folder/opt" opt/nexara
mount --bind "$folder/log" log
mount --bind -o ro "$python" opt/python
mount --bind -o ro "$packages" opt/packages
mount --bind -o ro "$code" opt/code
mount --bind /sys sys
mount -o remount,bind,ro sys

mount -t tmpfs -o mode=755 none dev
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty dev/
mkdir dev/shm dev/pts dev/mqueue dev/hugepages
ln -s /proc/self/fd dev/fd
ln -s pts/ptmx dev/ptmx
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 none dev/pts
mount -t tmpfs none dev/shm
# Devices that every kernel has, in the place of a camera and of something that nobody allowed.
mknod -m 660 dev/video0 c 1 7
chgrp video dev/video0
mknod -m 666 dev/another c 1 11
mount -t tmpfs -o mode=755 none run

# Generators would bring units of this machine along.
export container=test SYSTEMD_UNIT_PATH=/etc/systemd/system SYSTEMD_GENERATOR_PATH=/nowhere
(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --cgroup --pid --ipc --uts --fork --kill-child bash -euc '
        read -r pid _ </proc/self/stat
        mount -t proc none proc
        mount --bind proc/sys proc/sys
        mount -o remount,bind,ro proc/sys
        mount -t cgroup2 none sys/fs/cgroup
        mkdir old
        pivot_root . old
        umount -l old
        rmdir old
        # As systemd has it outside of containers: credentials are mounted by a child and must be seen here.
        mount --make-rshared /
        echo "$pid" >/log/pid.new
        mv /log/pid.new /log/pid
        exec /lib/systemd/systemd --system --unit=basic.target --log-target=null --show-status=no </dev/null
    '
) || true
