#!/bin/sh
# Puts together the root of a container without a container engine, from a built checkout; the libraries below it are
# this machine's, and are mounted by inside.sh:
#   tools/image/root.sh cpu|cuda ROOT [NODE]    NODE: the binary to run with, else the one in PATH
set -eu
cd "$(dirname "$0")"
root=$2
node=$(realpath "${3:-$(command -v node)}")
./layout.sh "$1" "$root/app"
mkdir -p "$root/node" "$root/proc" "$root/dev" "$root/tmp" "$root/mnt/models" "$root/var/run/kserve/tls"
cp "$node" "$root/node/node"
for folder in bin lib lib64 usr; do
  if [ -L "/$folder" ]; then cp -P "/$folder" "$root/$folder"
  elif [ -d "/$folder" ]; then mkdir "$root/$folder"; fi
done
