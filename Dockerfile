# The image: one static binary and nothing else.
#
#     docker build -t sockgate .
#
# It has no user of its own. The engine's socket belongs to a group whose number differs from host to host, so who runs
# the gateway is said with --user (README.md shows how); without it, it runs as root, which needs no capability.

FROM rust:1.95-slim-bookworm AS build
# Some of what the gateway is built of is C (the allocator, a part of wasmtime).
RUN apt-get update && apt-get install --yes --no-install-recommends musl-tools && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The target of the machine that builds; with musl the binary is static. rust-toolchain.toml is left out
# (.dockerignore), so that the image's own toolchain builds.
RUN target="$(uname -m)-unknown-linux-musl" \
    && rustup target add "$target" \
    && cargo build --release --locked --package sockgate --target "$target" \
    && cp "target/$target/release/sockgate" /sockgate

FROM scratch
COPY --from=build /sockgate /sockgate
# Inside a container, the container's network is the private one.
ENV LISTEN_ADDR=:2375
EXPOSE 2375
HEALTHCHECK --interval=30s --timeout=6s --start-period=5s CMD ["/sockgate", "healthcheck"]
ENTRYPOINT ["/sockgate"]
