#!/bin/sh
# Lints and renders the chart: with $ALTIPLANO_HELM, the helm in PATH, or one built from its Go module.
set -eu
cd "$(dirname "$0")/.."
version=v3.19.2
helm=${ALTIPLANO_HELM:-$(command -v helm || true)}
if [ -z "$helm" ] && ! command -v go > /dev/null; then
  echo 'neither helm nor Go is here: the chart is not tested' >&2
  exit 0
fi
if [ -z "$helm" ]; then
  helm=$PWD/node_modules/.cache/helm-$version/helm
  [ -x "$helm" ] || GOBIN=$(dirname "$helm") go install "helm.sh/helm/v3/cmd/helm@$version"
fi
ALTIPLANO_HELM=$helm exec npx vitest run test/kserve/chart.test.ts "$@"
