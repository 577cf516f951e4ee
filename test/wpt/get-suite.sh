#!/usr/bin/env bash
# get-suite.sh DIR: unpacks the WebRTC part of web-platform-tests into DIR, about 22 MB, and prints DIR.
#
# The suite is third-party code and never part of this repository. It is taken from Debian's source package of Firefox
# ESR 140, through apt's own sources (683 MB are downloaded once, about a minute). Elsewhere: clone
# web-platform-tests/wpt and set WPT_DIR to it; results then differ by what changed in the suite since.
set -euo pipefail
dir=$(mkdir -p "$1" && cd "$1" && pwd)
[ -d "$dir/webrtc" ] && { echo "$dir"; exit 0; }
[ -e /etc/apt/sources.list.d/debian.sources ] || {
  echo 'This unpacks the suite from a Debian source package. Elsewhere, set WPT_DIR to a clone of web-platform-tests.' >&2
  exit 1
}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial" "$tmp/download" "$tmp/unpacked"
sed 's/^Types: deb$/Types: deb-src/' /etc/apt/sources.list.d/debian.sources >"$tmp/src.sources"
apt=(-o Dir::Etc::sourcelist="$tmp/src.sources" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$tmp/lists" -o APT::Sandbox::User=root)
apt-get "${apt[@]}" -qq update >&2
version=$(apt-cache "${apt[@]}" showsrc firefox-esr 2>/dev/null | sed -n 's/^Version: \(140\..*\)/\1/p' | sort -V | tail -1)
[ -n "$version" ] || { echo 'no Firefox ESR 140 source in the package index' >&2; exit 1; }
uri=$(cd "$tmp/download" && apt-get "${apt[@]}" source --print-uris "firefox-esr=$version" |
  sed -n "s/^'\([^']*\.orig\.tar\.[a-z0-9]*\)'.*/\1/p" | head -1)
curl -fsSL -o "$tmp/download/orig.tar.xz" "$uri"
parts=(webrtc webrtc-encoded-transform webrtc-extensions webrtc-ice webrtc-identity webrtc-priority webrtc-stats webrtc-svc
  mediacapture-streams mediacapture-extensions mediacapture-fromelement resources common interfaces webidl media streams LICENSE.md)
tar -xJf "$tmp/download/orig.tar.xz" -C "$tmp/unpacked" --wildcards "${parts[@]/#/*/testing/web-platform/tests/}" 2>/dev/null || true
mv "$tmp"/unpacked/*/testing/web-platform/tests/* "$dir/"
cp "$dir/resources/webidl2/lib/webidl2.js" "$dir/resources/WebIDLParser.js" 2>/dev/null || true
echo "$dir"
