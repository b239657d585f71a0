#!/bin/sh
# Runs the files of an image as a strict cluster would, without a container engine: root file system read-only,
# a user that nobody knows, no HOME, no capabilities, loopback only, nothing to write to but /tmp and /dev/shm.
# The libraries below it are this machine's. Needs root (unshare, chroot), a built checkout and setpriv:
#   tools/image/proof.sh [cpu|cuda [NODE]]    NODE: the binary to run with, else the one in PATH
set -eu
cd "$(dirname "$0")"
base=$(mktemp -d)
trap 'rm -rf "$base"' EXIT
./root.sh "${1:-cpu}" "$base/root" ${2:+"$2"}
cp ask.mjs "$base/root/node/"
user=$((20000 + $$ % 40000))
unshare --mount --net --ipc --pid --fork ./inside.sh "$base/root" "$user" node /node/ask.mjs
