# What the engines' scripts share: sourced by scripts/engines/NAME, which is called as
#   scripts/engines/NAME install | start FOLDER | wait FOLDER | stop FOLDER
# An engine keeps everything below FOLDER: its data, NAME.pid, NAME.log. It listens on loopback alone. Ports are those of the environment (KAFKA_PORT …).
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
engine=$(basename "$0")
limit_s=${ENGINE_LIMIT_S:-180}

say() { printf '%s: %s\n' "$engine" "$*" >&2; }
fail() { say "$*"; exit 1; }

launch() {
    local folder=$1
    shift
    (cd "$folder" && exec setsid "$@" >>"$folder/$engine.log" 2>&1 </dev/null) &
    printf '%s\n' $! >"$folder/$engine.pid"
}
pid_of() { cat "$1/$engine.pid" 2>/dev/null; }
# One that has ended stays as a zombie until whoever is its parent by then looks after it, which may be never.
is_alive() { [[ -n ${1:-} ]] && kill -0 "$1" 2>/dev/null && ! grep -qs '^State:.Z' "/proc/$1/status"; }

# wait_for FOLDER COMMAND…: until it succeeds.
wait_for() {
    local folder=$1 began=$SECONDS
    shift
    until "$@" >/dev/null 2>&1; do
        if ! is_alive "$(pid_of "$folder")" || ((SECONDS - began > limit_s)); then
            tail -n 20 "$folder/$engine.log" >&2 || true
            fail "it does not answer; its log is $folder/$engine.log"
        fi
        sleep 0.1
    done
    say "answers after $((SECONDS - began)) s; log: $folder/$engine.log"
}

# Asks it to end and waits: what starts next must find its ports free.
stop_engine() {
    local pid began=$SECONDS
    pid=$(pid_of "$1") || return 0
    is_alive "$pid" || return 0
    kill "$pid"
    while is_alive "$pid"; do
        if ((SECONDS - began > 60)); then
            say "it does not end; killed"
            kill -9 "$pid"
        fi
        sleep 0.1
    done
    rm -f "$1/$engine.pid"
}

# Debian's packages are scripts/install's to fetch.
need_packages() {
    local package
    for package in "$@"; do
        dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q '^install ok' ||
            fail "the Debian package $package is missing: scripts/install test"
    done
}

main() {
    case "${1:-} ${2:+folder}" in
        "install ") install ;;
        "start folder") mkdir -p "$2" && start "$(cd "$2" && pwd)" ;;
        "wait folder") await "$(cd "$2" && pwd)" ;;
        "stop folder") if [[ -d $2 ]]; then stop_engine "$(cd "$2" && pwd)"; fi ;;
        *) fail "usage: scripts/engines/$engine install | start FOLDER | wait FOLDER | stop FOLDER" ;;
    esac
}
