#!/bin/sh
# Prints the path of helm: $ALTIPLANO_HELM, the one in PATH, or one built from its Go module. Fails where there is none.
set -eu
cd "$(dirname "$0")/.."
version=v3.19.2
helm=${ALTIPLANO_HELM:-$(command -v helm || true)}
if [ -z "$helm" ]; then
  command -v go > /dev/null || { echo 'neither helm nor Go is here' >&2; exit 1; }
  helm=$PWD/node_modules/.cache/helm-$version/helm
  [ -x "$helm" ] || GOBIN=$(dirname "$helm") go install "helm.sh/helm/v3/cmd/helm@$version" >&2
fi
echo "$helm"
