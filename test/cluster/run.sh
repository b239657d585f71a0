#!/bin/sh
# Builds etcd, Kubernetes and KServe's controllers from their Go modules (half an hour on two cores, once), and runs the
# tests of this folder in name spaces of their own, where nothing but loopback is. Needs Go and root:
#   npm run test:cluster [-- ARGUMENTS OF VITEST]
set -eu
cd "$(dirname "$0")"
cache=$PWD/../../node_modules/.cache/cluster
mkdir -p "$cache"
export GOFLAGS="${GOFLAGS:-} -mod=readonly -buildvcs=false"
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
build() {
  echo "cluster: $1 of $2, after $(($(date +%s) - started)) s"
  nice -n 5 go build -p 2 -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes" -o "$cache/$1" "$2"
}
started=$(date +%s)
build etcd go.etcd.io/etcd/server/v3
build kubectl k8s.io/kubernetes/cmd/kubectl
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
build kserve github.com/kserve/kserve/cmd/manager
build llmisvc github.com/kserve/kserve/cmd/llmisvc
ln -sfn "$(go list -m -f '{{.Dir}}' github.com/kserve/kserve)" "$cache/kserve-checkout"
cd ../..
npm run --silent build
ALTIPLANO_HELM=$(tools/helm.sh)
export ALTIPLANO_HELM ALTIPLANO_CLUSTER="$cache"
exec unshare --mount --net --pid --fork --kill-child --mount-proc \
  sh -c 'ip link set lo up && exec npx vitest run test/cluster "$@"' sh "$@"
