#!/usr/bin/env bash
# demo.sh BUILD_DIR [FOLDER]: a host and its worker log side by side; then their two logs are shown as one, by time.
# FOLDER is what the worker walks, by default the repository. Exits non-zero if a host ends otherwise than it should.
set -euo pipefail

root=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
build=$(realpath -- "${1:?usage: demo.sh BUILD_DIR [FOLDER]}")
folder=$(realpath -m -- "${2:-$root}")
logs=$build/demo-logs
merged=$build/demo-merged.log
troubles=demo-troubles
failed=0

bold='' dim='' plain='' colour=0 width=1000
if [[ -t 1 ]]; then
    width=$(tput cols 2>/dev/null || echo 80)
    if [[ -z ${NO_COLOR:-} ]]; then
        bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m' colour=1
    fi
fi

main() {
    cd "$build"
    rm -rf "$logs" "$troubles"
    mkdir "$logs"
    make_troubles
    export CHAINNER_LOG_DIR=$logs

    heading 'A host starts a worker, both log to the console and each to its own file'
    run_host 0 "$folder"
    heading 'The same with a folder full of troubles'
    run_host 0 "$troubles"
    heading 'The same with a folder that is not there'
    run_host 2 "$troubles/nowhere"

    heading "The logs are in $logs"
    show_sizes
    heading 'The two files merged by time'
    merge | tell >"$merged"
    merge | tell -v colour="$colour" -v width="$width" -v most_lines=24
    exit "$failed"
}

heading() {
    printf '\n%s%s%s\n\n' "$bold" "$1" "$plain"
}

# run_host EXPECTED_STATUS FOLDER
run_host() {
    local status=0
    printf '%s$ host %q%s\n' "$dim" "$2" "$plain"
    "$build/examples/host" "$2" || status=$?
    if ((status != $1)); then
        echo "demo: the host ended with status $status instead of $1" >&2
        failed=1
    fi
}

make_troubles() {
    mkdir "$troubles"
    pushd "$troubles" >/dev/null
    printf '\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\7\200\0\0\4\70' >picture.png
    echo text >'Ünïcödé 名前.txt'
    echo text >$'two\nlines, one of them \e[31mred\e[0m'
    echo text >locked.txt
    chmod 000 locked.txt
    touch empty.txt
    ln -s nothing broken-link
    ln -s circle circle
    popd >/dev/null
}

show_sizes() {
    local file
    for file in "$logs"/*; do
        printf '%8d bytes %6d lines  %s\n' "$(wc -c <"$file")" "$(wc -l <"$file")" "$(basename "$file")"
    done
}

# Both logs sorted by time, each line as TIME <tab> ROLE <tab> LINE, without the UTC offset of the time, if it says one:
# both have the same. Lines that continue a record get its time, so they stay with it. In the same millisecond the worker goes first, as its last record comes before the host's word about it.
merge() {
    local role
    for role in worker host; do
        awk -v role="$role" '
            !/^\t/ { time = substr($0, 1, 23); $0 = time substr($0, index($0, " [")) }
            { print time "\t" role "\t" $0 }' "$logs/$role.log"
    done | LC_ALL=C sort -s -t $'\t' -k 1,1
}

# Shows merged lines as a table: all of them, or of each run at most `most_lines`.
tell() {
    LC_ALL=C merged=$merged awk "$@" -F '\t' '
        function paint(code, text) { return colour ? "\033[" code "m" text "\033[0m" : text }

        # Bytes count as letters: that clips too early at times, never too late.
        function clip(text, room) {
            if (!width || length(text) <= room) return text
            text = substr(text, 1, room - 1)
            sub(/[\300-\377][\200-\277]*$/, "", text)
            return text "…"
        }

        function show_run(   i, left_out) {
            left_out = most_lines && lines > most_lines + 1 ? lines - most_lines : 0
            for (i = 1; i <= lines; i++) {
                if (left_out && i == most_lines / 2 + 1) {
                    print paint("2", "… " left_out " more lines, see " ENVIRON["merged"])
                    i += left_out
                }
                print run[i]
            }
            lines = 0
        }

        BEGIN {
            level_colour["DEBUG"] = 36; level_colour["INFO"] = 32; level_colour["WARNING"] = 33
            level_colour["ERROR"] = 31; level_colour["CRITICAL"] = 35
            role_colour["host"] = "1;34"; role_colour["worker"] = "0"
        }

        { line = substr($0, length($1) + length($2) + 3) }

        line ~ /^\t/ {
            run[++lines] = sprintf("%38s", "") clip(substr(line, 2), width - 38)
            next
        }

        $2 == "host" && line ~ /Logger initialized/ && lines {
            show_run()
            print ""
        }

        {
            split(substr(line, 25), words, /[][ ]+/)
            message = substr(line, 25 + length(words[2] words[3]) + 6)
            run[++lines] = sprintf("%s %s %7s  %s %s", paint("2", substr($1, 12)),
                paint(role_colour[$2], sprintf("%-6s", $2)), words[2],
                paint(level_colour[words[3]], sprintf("%-8s", words[3])), clip(message, width - 38))
        }

        END { show_run() }'
}

main
