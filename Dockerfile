# token-cli in a small image, not run as root. Both bases are arguments: see scripts/standin-images.sh for machines
# that reach no registry.
ARG RUST_IMAGE=rust:1.95-slim-bookworm
ARG RUNTIME_IMAGE=debian:bookworm-slim

FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked -p token-cli

FROM ${RUNTIME_IMAGE}
# A user of this name, since a token records who issued it. It has no home: a store must be named.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin token-cli
COPY --from=build /src/target/release/token-cli /usr/local/bin/token-cli
USER 10001:10001
ENTRYPOINT ["token-cli"]
