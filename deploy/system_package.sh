#!/bin/sh
# Install a Debian package unless its command is there: `deploy/system_package.sh COMMAND PACKAGE`.
set -u
command=$1
package=$2
if command -v "$command" >/dev/null 2>&1; then
    exit 0
elif ! command -v apt-get >/dev/null 2>&1; then
    echo "$command is not here; install it with this system's package manager" >&2
    exit 1
elif [ "$(id -u)" != 0 ]; then
    echo "$command is not here; as root: apt-get install $package" >&2
    exit 1
fi
printf 'installing %s ... ' "$package"
began=$(date +%s)
if apt-get update -q >/tmp/system-package.log 2>&1 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$package" >>/tmp/system-package.log 2>&1; then
    echo "$(($(date +%s) - began)) s"
else
    echo "failed: $(grep -m 1 '^E:' /tmp/system-package.log)" >&2
    exit 1
fi
