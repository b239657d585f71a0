#!/bin/sh
# Runs a command in a root of root.sh as a strict cluster would: all of it read-only but /tmp and /dev/shm, a user that
# nobody knows, no capabilities. Called by unshare with name spaces of its own:
#   unshare --mount --ipc --pid --fork tools/image/inside.sh ROOT USER COMMAND...
# $VOLUMES has lines of "SOURCE TARGET": what to mount, read-only, at a path that the root has.
set -eu
root=$1 user=$2
shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in bin lib lib64 usr; do
  [ -d "$root/$folder" ] && [ ! -L "$root/$folder" ] || continue
  mount --bind "/$folder" "$root/$folder"
  mount -o remount,bind,ro "$root/$folder"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/shm"
mount -t tmpfs -o mode=1777,size=1g tmpfs "$root/dev/shm"
mount -o remount,ro "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
echo "${VOLUMES:-}" | while read -r source target; do
  [ -z "$source" ] && continue
  mount --bind "$source" "$root$target"
  mount -o remount,bind,ro "$root$target"
done
mount -o remount,bind,ro "$root"
ip link set lo up
exec chroot "$root" env -i PATH=/node:/usr/bin:/bin \
  setpriv --reuid "$user" --regid 0 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all "$@"
