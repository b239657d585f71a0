#!/bin/sh
# Runs the files of an image as a strict cluster would, without a container engine: root file system read-only,
# a user that nobody knows, no HOME, no capabilities, loopback only, nothing to write to but /tmp and /dev/shm.
# The libraries below it are this machine's. Needs root (unshare, chroot), a built checkout and setpriv:
#   tools/image/proof.sh [cpu|cuda [NODE]]    NODE: the binary to run with, else the one in PATH
set -eu
cd "$(dirname "$0")"
variant=${1:-cpu}
node=$(realpath "${2:-$(command -v node)}")
base=$(mktemp -d)
trap 'rm -rf "$base"' EXIT
root=$base/root
./layout.sh "$variant" "$root/app"
mkdir -p "$root/node" "$root/proc" "$root/dev" "$root/tmp"
cp "$node" "$root/node/node"
cp ask.mjs "$root/node/"
export root
export user=$((20000 + $$ % 40000))
unshare --mount --net --ipc --pid --fork sh -eu <<'INSIDE'
mount --make-rprivate /
mount --bind "$root" "$root"
for folder in bin lib lib64 usr; do
  if [ -L "/$folder" ]; then cp -P "/$folder" "$root/$folder"
  elif [ -d "/$folder" ]; then
    mkdir "$root/$folder"
    mount --bind "/$folder" "$root/$folder"
    mount -o remount,bind,ro "$root/$folder"
  fi
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
mount -o remount,bind,ro "$root"
ip link set lo up
exec chroot "$root" env -i PATH=/node:/usr/bin:/bin \
  setpriv --reuid "$user" --regid 0 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
  node /node/ask.mjs
INSIDE
