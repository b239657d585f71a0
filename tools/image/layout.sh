#!/bin/sh
# Puts together what an image holds in /app, from a checkout with node_modules and dist:
#   tools/image/layout.sh cpu|cuda DIRECTORY
# Dependencies for production only, llama.cpp for this processor only; needs no network.
set -eu
variant=$1 app=$2
cd "$(dirname "$0")/../.."

arch=$(node -p process.arch)
case $variant in
  cpu) keep="linux-$arch" ;;
  # node-llama-cpp's linux-x64-cuda-ext is for drivers of CUDA 12; the image has the libraries of CUDA 13.
  cuda) keep="linux-$arch linux-$arch-cuda" ;;
  *) echo "layout: cpu or cuda, not $variant" >&2; exit 2 ;;
esac
for backend in $keep; do
  [ -d "node_modules/@node-llama-cpp/$backend" ] || { echo "layout: no llama.cpp for $backend" >&2; exit 1; }
done
[ -f dist/main.js ] || { echo 'layout: no dist; npm run build first' >&2; exit 1; }

mkdir -p "$app"
cp -R package.json package-lock.json .npmrc LICENSE dist models node_modules "$app"
rm -f "$app/dist/.tsbuildinfo"
cd "$app"
npm prune --omit=dev --offline --ignore-scripts --no-audit --no-fund --silent
for folder in node_modules/@node-llama-cpp/*; do
  case " $keep " in *" $(basename "$folder") "*) ;; *) rm -rf "$folder" ;; esac
done
# The list of what is in here, made from what is in here; npm asks for the tools of development otherwise.
npm pkg delete devDependencies scripts --silent
npm sbom --omit=dev --sbom-format=cyclonedx --silent > sbom.cdx.json
rm -rf package-lock.json .npmrc node_modules/.package-lock.json node_modules/.bin node_modules/.cache
# Whoever the container runs as reads everything and writes nothing.
chmod -R u=rwX,go=rX .
