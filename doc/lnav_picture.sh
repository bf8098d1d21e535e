#!/usr/bin/env bash
# lnav_picture.sh BUILD_DIR: draws doc/lnav.png: what lnav shows of a host whose second worker crashes. BUILD_DIR has the
# example programs. Needs (Debian): lnav tmux ansifilter pango1.0-tools fonts-dejavu-core pngquant.
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
examples=$(realpath -- "${1:?usage: lnav_picture.sh BUILD_DIR}")/examples
work=$(mktemp -d)
terminal=(tmux -L "lnav_picture.$$" -f /dev/null)
trap '"${terminal[@]}" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
cp "$examples"/{host,worker} "$work"
cd "$work"

main() {
    make_logs 2>/dev/null
    "${terminal[@]}" new-session -d -x 110 -y 46 "HOME='$work' TERM=screen-256color lnav -I '$root/lnav' -c ':goto 0' logs"
    wait_for 'killed by'
    "${terminal[@]}" send-keys Left  # shows the files' names
    wait_for '^host.log .*killed by'
    "${terminal[@]}" capture-pane -ep | ansifilter --pango >screen
    pango-view --markup --font='DejaVu Sans Mono 10' --antialias=gray --background='#101010' --foreground='#d8d8d8' \
        --no-display --output=screen.png screen
    pngquant --force --output "$root/doc/lnav.png" 32 screen.png
}

make_logs() {
    export CHAINNER_LOG_DIR=$work/logs
    mkdir -p pictures/empty
    printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\7\200\0\0\4\70' >pictures/cat.png
    ln -s nothing pictures/broken-link
    ln -s circle pictures/circle
    ./host pictures
    # The worker calls itself for each folder in a folder: with a small stack that ends in a crash.
    mkdir -p "deep$(printf '/%s' {1..190})"
    (
        ulimit -s 100
        ./host deep
    ) || true
}

wait_for() {
    local _
    for _ in {1..100}; do
        if "${terminal[@]}" capture-pane -p | grep -q "$1"; then
            return
        fi
        sleep 0.1
    done
    echo "lnav_picture: the screen never showed: $1" >&2
    "${terminal[@]}" capture-pane -p >&2
    exit 1
}

main
