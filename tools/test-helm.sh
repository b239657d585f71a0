#!/bin/sh
# Lints and renders the chart, where helm is here or can be built.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${ALTIPLANO_HELM:-}" ] && ! command -v helm > /dev/null && ! command -v go > /dev/null; then
  echo 'neither helm nor Go is here: the chart is not tested' >&2
  exit 0
fi
ALTIPLANO_HELM=$(tools/helm.sh)
export ALTIPLANO_HELM
exec npx vitest run test/kserve/chart.test.ts "$@"
