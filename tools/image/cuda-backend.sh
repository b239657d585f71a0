#!/bin/sh
# Builds llama.cpp's CUDA backend for the cards that are named, from the source inside node-llama-cpp, and puts it in the place of
# the prebuilt one:
#   tools/image/cuda-backend.sh [ARCHITECTURES, as CMake writes them]
# The prebuilt one has code for sm_86, sm_89, sm_120 and sm_121. Other cards (T4, A100, H100, H200, B200) would compile its PTX,
# which is CUDA 13.1's: drivers before 590 refuse it. Everything else stays prebuilt.
# Needs the CUDA toolkit (13.0 was tried), CMake, Ninja, git and a C++ compiler. Each architecture takes about an hour of one core.
set -eu
cd "$(dirname "$0")/../.."
architectures=${1:-75-real;80-real;86-real;89-real;90-real;100-real;120a-real}
package=node_modules/@node-llama-cpp/linux-x64-cuda/bins/linux-x64-cuda
[ -f "$package/libggml-cuda.so" ] || { echo "cuda-backend: no $package" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet node_modules/node-llama-cpp/llama/gitRelease.bundle "$work/llama.cpp"
# Names of libraries without versions, as in the package.
cmake -S "$work/llama.cpp" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON \
  -DGGML_BACKEND_DL=ON -DGGML_NATIVE=OFF -DGGML_OPENMP=OFF -DGGML_CUDA=ON -DGGML_CUDA_NCCL=OFF "-DCMAKE_CUDA_ARCHITECTURES=$architectures" \
  -DCMAKE_PLATFORM_NO_VERSIONED_SONAME=ON '-DCMAKE_INSTALL_RPATH=$ORIGIN' -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON \
  -DLLAMA_BUILD_COMMON=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_SERVER=OFF
cmake --build "$work/build" --target ggml-cuda
cp "$work/build/bin/libggml-cuda.so" "$package/"
