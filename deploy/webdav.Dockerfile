# nginx with the modules for a WebDAV folder. Both are Debian packages that the official image does not have.
ARG RUNTIME_IMAGE=debian:bookworm-slim
FROM ${RUNTIME_IMAGE}
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      nginx-light libnginx-mod-http-dav-ext libnginx-mod-http-headers-more-filter \
 && rm -rf /var/lib/apt/lists/*
USER 101:101
CMD ["nginx", "-g", "daemon off;"]
