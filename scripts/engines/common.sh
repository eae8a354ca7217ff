# What the engines' scripts share: sourced by scripts/engines/NAME, which is called as
#   scripts/engines/NAME install | start FOLDER | wait FOLDER | stop FOLDER
# An engine keeps everything below FOLDER: its data, NAME.pid, NAME.log. It listens on loopback alone. Ports are those of the environment (KAFKA_PORT …).
# shellcheck shell=bash
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
downloads=$root/.engines
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
is_alive() { [[ -n ${1:-} ]] && kill -0 "$1" 2>/dev/null; }

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

# jars NAME: those of scripts/engines/NAME.pom.xml, of the checksums of NAME.sha256, in .engines/NAME.
install_jars() {
    local pom=$root/scripts/engines/$1.pom.xml sums=$root/scripts/engines/$1.sha256 folder=$downloads/$1 state
    state=$(sha256sum "$pom" "$sums" | cut -d' ' -f1)
    [[ -f $folder/.stamp && $(<"$folder/.stamp") == "$state" ]] && return 0
    say "fetching its jars"
    rm -rf "$folder"
    mkdir -p "$folder"
    mvn --quiet --batch-mode --file "$pom" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$folder" >&2 || fail "Maven failed; see its message above, then run again."
    (cd "$folder" && sha256sum --check --quiet "$sums" >&2) ||
        fail "the jars are not those that were tested ($sums): remove $folder and run again."
    [[ $(find "$folder" -name '*.jar' | wc -l) == $(wc -l <"$sums") ]] || fail "$folder has jars that $sums does not name."
    printf '%s\n' "$state" >"$folder/.stamp"
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
