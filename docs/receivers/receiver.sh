#!/usr/bin/env bash
# A webhook receiver for one connection on stdin and stdout, with bash and openssl alone. WEBHOOK_SECRET is set; headlines go to stderr.
# Serve it with:  socat TCP-LISTEN:9000,bind=127.0.0.1,reuseaddr,fork EXEC:./receiver.sh
set -euo pipefail
export LC_ALL=C
most_bytes=65536
seen="${SEEN_DIR:-/tmp/webhooks-seen}"
mkdir -p "$seen"

answer() { printf 'HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1"; }

id='' timestamp='' signatures='' length=0
while IFS= read -r line && line="${line%$'\r'}" && [ -n "$line" ]; do
  value="${line#*:}" && value="${value# }"
  case "$(printf %s "${line%%:*}" | tr '[:upper:]' '[:lower:]')" in
    webhook-id) id="$value" ;;
    webhook-timestamp) timestamp="$value" ;;
    webhook-signature) signatures="$value" ;;
    content-length) length="$value" ;;
  esac
done
[[ "$length" =~ ^[0-9]{1,5}$ ]] && [ "$length" -le "$most_bytes" ] || { answer '413 Content Too Large'; exit 0; }
body="$(mktemp)" && trap 'rm -f "$body"' EXIT
head -c "$length" > "$body"

now="$(date +%s)"
[[ "$timestamp" =~ ^[0-9]{1,12}$ ]] && [ $((now - timestamp)) -le 300 ] && [ $((timestamp - now)) -le 300 ] || { answer '401 Unauthorized'; exit 0; }
# openssl takes the key as an argument, which other users of this machine can see while it runs: give the receiver a machine of its own.
key="$(printf %s "${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')"
sign() { { printf '%s.%s.' "$id" "$timestamp"; cat "$body"; } | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64; }
# Both sides are hashed under a key of the moment before they are compared, so that the time it takes tells nothing.
salt="$(openssl rand -hex 16)"
blind() { printf %s "$1" | openssl dgst -sha256 -hmac "$salt" -r; }
expected="$(blind "v1,$(sign)")"
good=no
for one in $signatures; do [ "$(blind "$one")" = "$expected" ] && good=yes; done
[ "$good" = yes ] || { answer '401 Unauthorized'; exit 0; }
answer '204 No Content'

# A directory is made by one process alone: whoever comes second has the same alert again.
name="$(printf %s "$id" | tr -cd 'A-Za-z0-9_-')"
mkdir "$seen/$name" 2>/dev/null || exit 0
headline="$(sed -n 's/.*"headline":"\(\([^"\\]\|\\.\)*\)".*/\1/p' "$body")"
[ -z "$headline" ] || printf '%s\n' "$headline" >&2
