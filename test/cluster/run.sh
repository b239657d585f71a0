#!/bin/sh
# Builds etcd, Kubernetes and KServe's controllers from their Go modules (ten minutes of two cores, once), and runs the
# tests of this folder in name spaces of their own, where nothing but loopback is. Needs Go and root:
#   npm run test:cluster [-- ARGUMENTS OF VITEST]
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
cache=$root/node_modules/.cache/cluster
mkdir -p "$cache"
export GOBIN="$cache" GOFLAGS="${GOFLAGS:-} -mod=readonly -buildvcs=false"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
started=$(date +%s)
for package in $(go list tool); do
  echo "cluster: $package, after $(($(date +%s) - started)) s"
  nice -n 5 go install -p 2 -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes" "$package"
done
ln -sfn server "$cache/etcd"
ln -sfn manager "$cache/kserve"
ln -sfn "$(go list -m -f '{{.Dir}}' github.com/kserve/kserve)" "$cache/kserve-checkout"
cd "$root"
npm run --silent build
ALTIPLANO_HELM=$(tools/helm.sh)
export ALTIPLANO_HELM ALTIPLANO_CLUSTER="$cache"
exec unshare --mount --net --pid --fork --kill-child --mount-proc \
  sh -c 'ip link set lo up && exec npx vitest run test/cluster --testTimeout=180000 "$@"' sh "$@"
