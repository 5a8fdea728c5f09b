#!/bin/bash
# A serve node is healthy if the store answers it. Uses bash, because the image has no HTTP client.
set -eu
exec 3<>/dev/tcp/127.0.0.1/8080
printf 'GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r _ status _ <&3
[[ $status == 200 ]]
