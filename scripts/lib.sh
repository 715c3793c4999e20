# shellcheck shell=bash
# shellcheck disable=SC2034 # its variables are for those that source it
#
# What the scripts beside this one share. Sourced, never run; bash 3.2 and later.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/cetcd

# Colours only for a person: a terminal, no NO_COLOR, no CI.
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${CI:-}" != true ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\033[1m' dim=$'\033[2m' red=$'\033[31m' green=$'\033[32m' plain=$'\033[0m'
else
    bold='' dim='' red='' green='' plain=''
    export CARGO_TERM_COLOR=never
fi

note() { printf '    %s\n' "$*"; }
warn() { printf '%swarning:%s %s\n' "$red" "$plain" "$*" >&2; }
die() {
    printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}

# ---- phases: what is being done, and how long each took ------------------------------------------------

milliseconds() {
    if [ -n "${EPOCHREALTIME:-}" ]; then
        local micros=${EPOCHREALTIME/[.,]/}
        echo "${micros%???}"
    else
        echo "$(($(date +%s) * 1000))"
    fi
}

# seconds MILLISECONDS: 12345 → 12.3 s
seconds() { printf '%d.%d s' "$(($1 / 1000))" "$(($1 % 1000 / 100))"; }

started=$(milliseconds)
phase_names=()
phase_times=()
phase_name=''
phase_start=0

# phase WORDS: the next thing begins; whatever was under way has ended.
phase() {
    phase_end
    phase_name=$1
    phase_start=$(milliseconds)
    printf '%s==> %s%s\n' "$bold" "$1" "$plain"
}

phase_end() {
    [ -n "$phase_name" ] || return 0
    local took=$(($(milliseconds) - phase_start))
    phase_names+=("$phase_name")
    phase_times+=("$took")
    printf '%s    took %s%s\n' "$dim" "$(seconds "$took")" "$plain"
    phase_name=''
}

# The table at the end.
phase_table() {
    phase_end
    local i
    printf '\n'
    for ((i = 0; i < ${#phase_names[@]}; i++)); do
        printf '%10s  %s\n' "$(seconds "${phase_times[i]}")" "${phase_names[i]}"
    done
    printf '%10s  in all\n' "$(seconds "$(($(milliseconds) - started))")"
}

# ---- what is on the machine ----------------------------------------------------------------------------

need_cargo() {
    if command -v cargo >/dev/null; then return 0; fi
    # A fresh install is on no PATH until the next login.
    if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        PATH=${CARGO_HOME:-$HOME/.cargo}/bin:$PATH
        export PATH
        return 0
    fi
    die "cargo is not there, and cetcd is built with it." \
        "Install Rust $(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$root/Cargo.toml" "$root"/crates/backup/Cargo.toml | sort -V | tail -n 1) or later from https://rustup.rs, then run this again." \
        "etcd's client needs a C compiler too: apt install build-essential, or xcode-select --install."
}

# ---- the data directory and what runs in it ------------------------------------------------------------

# The directory of `make up`, absolute. It need not exist.
data_dir() {
    local dir=${CETCD_DATA_DIR:-$root/.cetcd}
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    if [ -d "$dir" ]; then (cd -- "$dir" && pwd -P); else printf '%s\n' "${dir%/}"; fi
}

# Written by `make up` into the directories that it made: `make down` removes no other.
marker=.made-by-make-up

# cetcd_processes DIR: `PID KIND` of every process that serves from DIR, KIND one of serve, member.
# A member, endpoint or Prometheus carries CETCD_MEMBER=<its directory> in its environment, so that it is found even when
# serve is gone; serve is known by its binary's name and its --data-dir. An editor or `tail -f` on a file in
# DIR is none of these.
cetcd_processes() {
    local dir=$1 pid arguments value previous serves here
    if [ ! -r /proc/self/environ ]; then
        # No /proc (macOS): environments and command lines in one, as ps shows them.
        ps -Axwwo pid=,command= -E 2>/dev/null | while read -r pid arguments; do
            case $arguments in
            *" CETCD_MEMBER=$dir/"*) echo "$pid member" ;;
            *cetcd" serve "*"--data-dir $dir"*) echo "$pid serve" ;;
            esac
        done
        return 0
    fi
    for pid in /proc/[0-9]*; do
        pid=${pid#/proc/}
        [ "$pid" != "$$" ] && [ -r "/proc/$pid/environ" ] || continue
        while IFS= read -r -d '' value; do
            case $value in "CETCD_MEMBER=$dir/"*) echo "$pid member" && continue 2 ;; esac
        done 2>/dev/null <"/proc/$pid/environ" || continue
        case $(readlink "/proc/$pid/exe" 2>/dev/null) in */cetcd | */cetcd' (deleted)') ;; *) continue ;; esac
        previous='' serves='' here=''
        while IFS= read -r -d '' value; do
            case $value in serve) serves=yes ;; esac
            case $previous$value in "--data-dir$dir" | "--data-dir=$dir") here=yes ;; esac
            previous=$value
        done 2>/dev/null <"/proc/$pid/cmdline" || continue
        [ -z "$serves" ] || [ -z "$here" ] || echo "$pid serve"
    done
}

# of_kind KIND DIR: the PIDs of that kind.
of_kind() { cetcd_processes "$2" | sed -n "s/ $1\$//p"; }

# end_processes KIND DIR: asks them to end, and makes them after ten seconds.
end_processes() {
    local kind=$1 dir=$2 pids tries
    pids=$(of_kind "$kind" "$dir")
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086 # one argument a PID
    kill $pids 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do
        pids=$(of_kind "$kind" "$dir")
        [ -n "$pids" ] || return 0
        sleep 0.1
    done
    # shellcheck disable=SC2086
    kill -9 $pids 2>/dev/null || true
    for ((tries = 0; tries < 20; tries++)); do
        [ -n "$(of_kind "$kind" "$dir")" ] || return 0
        sleep 0.1
    done
    die "process $(echo "$pids" | tr '\n' ' ')does not end; it may hang in the kernel"
}

# ---- HTTP without curl ---------------------------------------------------------------------------------

# http_status HOST PORT PATH: the status code, or nothing where nobody answers in two seconds.
http_status() (
    exec 2>/dev/null
    exec 3<>"/dev/tcp/$1/$2" || exit 0
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
    read -r -t 2 _ code _ <&3 || exit 0
    printf '%s' "${code:-}"
)

# Whether anything accepts connections there.
port_taken() (exec 2>/dev/null && exec 3<>"/dev/tcp/$1/$2")

# What listens on that port, in words, as far as this user may know.
who_listens() {
    local who=''
    if command -v ss >/dev/null; then
        who=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*users:((\("[^"]*",pid=[0-9]*\).*/\1/p' | head -n 1)
    elif command -v lsof >/dev/null; then
        who=$(lsof -nP -iTCP:"$1" -sTCP:LISTEN 2>/dev/null | awk 'NR == 2 { print $1 ", pid " $2 }')
    fi
    printf '%s' "${who:-another program}"
}

# ---- pages that keep what was measured -----------------------------------------------------------------

# revision_besides PAGE: what is measured; nothing outside a repository. A change of the page itself does not count.
revision_besides() {
    local revision
    revision=$(git rev-parse --short HEAD 2>/dev/null) || return 0
    [ -z "$(git status --porcelain --untracked-files=no -- . ":!$1" 2>/dev/null)" ] || revision="$revision with changes"
    printf '%s\n' "$revision"
}

# put_figures PAGE FILE: what FILE holds takes the place of what is between the page's two marks.
put_figures() {
    local new
    new=$(mktemp "$1.XXXXXX")
    awk -v figures="$2" '
        /^<!-- figures: end/ { skip = 0 }
        !skip { print }
        /^<!-- figures: begin/ { skip = 1; print ""; while ((getline line < figures) > 0) print line; if (line != "") print "" }
    ' "$1" >"$new"
    chmod --reference="$1" "$new"
    mv -- "$new" "$1"
}
