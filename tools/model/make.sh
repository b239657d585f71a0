#!/bin/sh
# Makes models/altiplano-demo.gguf from nothing: make.sh [MINUTES of training]. Data and checkpoints stay in $WORK.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
models=$here/../../models
work=${WORK:-${TMPDIR:-/tmp}/altiplano-demo}
python=${PYTHON:-python3}
minutes=${1:-200}
mkdir -p "$work"
cd "$here"
[ -f "$work/tokenizer.json" ] || "$python" tokenizer.py "$work/tokenizer.json"
for n in 1 2; do
	[ -f "$work/data$n.npz" ] || "$python" dataset.py "$work/data$n.npz" "$work/tokenizer.json" 150000 "10$n"
done
"$python" train.py "$work" "$minutes"
"$python" export.py "$work" "$models/altiplano-demo.gguf"
"$python" evalset.py "$work/eval.jsonl" 150
node eval.mjs "$models/altiplano-demo.gguf" "$work/eval.jsonl" "$models/altiplano-demo.eval.json"
