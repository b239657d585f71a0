# syntax=docker/dockerfile:1
# The CPU image:  docker build -t altiplano:0.1.0 .
# The CUDA image: docker build -t altiplano:0.1.0-cuda --target cuda .
# For a build that is the same next year, give the digests: --build-arg NODE_IMAGE=node@sha256:…
ARG NODE_IMAGE=node:24.21.0-bookworm-slim
# What node-llama-cpp's CUDA backend is linked with: libcudart.so.13, libcublas.so.13. Drivers from 580 on.
ARG CUDA_IMAGE=nvidia/cuda:13.0.2-runtime-ubuntu24.04

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# Install scripts are off (.npmrc): llama.cpp comes prebuilt in packages, nothing is compiled or downloaded.
RUN npm ci
COPY . .
RUN npm run build

FROM build AS cpu-files
RUN tools/image/layout.sh cpu /app
FROM build AS cuda-files
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
