# Functions that the scripts share. Sourced, not run.

# Prints the name of a step, and the time since the script began.
step() { printf '\n== %s (%d:%02d)\n' "$*" $((SECONDS / 60)) $((SECONDS % 60)); }

need() { # need COMMAND PACKAGE: installs the package unless the command is there
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        step "install $2"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-remove "$2" >/dev/null
    else
        echo "$1 is missing. Install it (Debian: apt-get install $2) and run this again." >&2
        exit 1
    fi
}

# started LOG PATTERN: waits until a program in the background has printed the pattern, and prints the match.
started() {
    for _ in $(seq 300); do
        if grep -oEm1 "$2" "$1"; then return; fi
        sleep 0.1
    done
    echo "nothing like '$2' within 30 s:" >&2
    cat "$1" >&2
    exit 1
}
