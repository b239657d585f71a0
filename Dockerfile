# syntax=docker/dockerfile:1
# The CPU image:  docker build -t altiplano:0.1.0 .
# The CUDA image: docker build -t altiplano:0.1.0-cuda --target cuda .
# For a build that is the same next year, give the digests: --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
# The CUDA backend is built and linked with it: libcudart.so.13, libcublas.so.13. Drivers from 580 on.
ARG CUDA=13.0.2
ARG CUDA_IMAGE=nvidia/cuda:${CUDA}-runtime-ubuntu24.04
ARG CUDA_BUILD_IMAGE=nvidia/cuda:${CUDA}-devel-ubuntu24.04
# Compute capabilities, as CMake writes them. Each takes about an hour of one core: name your cards' for a short build.
ARG CUDA_ARCHITECTURES=75-real;80-real;86-real;89-real;90-real;100-real;120a-real

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Install scripts are off (.npmrc): llama.cpp comes prebuilt in packages, nothing is compiled or downloaded.
RUN npm ci
COPY . .
RUN npm run build

FROM build AS cpu-files
RUN tools/image/layout.sh cpu /app
# The prebuilt backend cannot run on T4, A100, H100 or B200 with a driver before 590.
FROM ${CUDA_BUILD_IMAGE} AS cuda-backend
ARG CUDA_ARCHITECTURES
RUN apt-get update && apt-get install --yes --no-install-recommends cmake git ninja-build && rm -rf /var/lib/apt/lists/*
COPY --from=build /src /src
RUN /src/tools/image/cuda-backend.sh "${CUDA_ARCHITECTURES}"
FROM build AS cuda-files
COPY --from=cuda-backend /src/node_modules/@node-llama-cpp/linux-x64-cuda node_modules/@node-llama-cpp/linux-x64-cuda
RUN tools/image/layout.sh cuda /app

FROM ${CUDA_IMAGE} AS cuda
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=cuda-files /app /app
ENV NODE_ENV=production HOME=/tmp NODE_LLAMA_CPP_SKIP_DOWNLOAD=true
WORKDIR /app
# A number, for runAsNonRoot; any other works too. Group 0, as OpenShift's arbitrary users have.
USER 10001:0
EXPOSE 8080
ENTRYPOINT ["node", "/app/dist/main.js"]

# Last, so that it is what a build without --target makes.
FROM ${NODE_IMAGE} AS cpu
COPY --from=cpu-files /app /app
ENV NODE_ENV=production HOME=/tmp NODE_LLAMA_CPP_SKIP_DOWNLOAD=true
WORKDIR /app
USER 10001:0
EXPOSE 8080
ENTRYPOINT ["node", "/app/dist/main.js"]
