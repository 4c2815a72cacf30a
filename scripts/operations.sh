#!/usr/bin/env bash
# Checks the samples of docs/operations by the programs that read them: rules and their tests by promtool, the unit by systemd-analyze,
# nginx.conf by nginx, Caddyfile by Caddy, and that the others are valid in their formats.
#
# A program that is neither installed nor in a Debian package that can be fetched is a line that begins with NOT CHECKED. Packages are
# unpacked below target/tools, and nothing is installed or started.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh
tools=$PWD/target/tools/debian
samples=$PWD/docs/operations
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# fetch PACKAGE: a list of packages that is old or missing is renewed once.
fetch() { apt-get download -qq "$1" || { apt-get update -qq && apt-get download -qq "$1"; }; } >/dev/null 2>&1

# program NAME PACKAGE: leaves the path of a program in $found; fails if it cannot be had.
program() {
    found=$(PATH=$PATH:/usr/sbin:$tools/usr/bin:$tools/usr/sbin command -v "$1") && return
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
    mkdir -p "$tools"
    (cd "$work" && fetch "$2" && dpkg-deb -x "$2"_*.deb "$tools") || return 1
    found=$(PATH=$tools/usr/bin:$tools/usr/sbin command -v "$1")
}

not_checked() { echo "NOT CHECKED: $1, as $2 is not here and cannot be fetched"; }

step "alert rules, their tests and prometheus.yml"
if program promtool prometheus; then
    "$found" check rules "$samples/alerts.yml"
    "$found" test rules "$samples/alerts_test.yml"
    "$found" check config "$samples/prometheus.yml"
else
    not_checked "alerts.yml, alerts_test.yml and prometheus.yml" promtool
fi

step "pledge.service"
if command -v systemd-analyze >/dev/null; then
    # The program that it starts has to be there: any will do.
    sed 's|^ExecStart=/usr/local/bin/pledge|ExecStart=/bin/true|' "$samples/pledge.service" >"$work/pledge.service"
    said=$(systemd-analyze verify --man=no "$work/pledge.service" 2>&1) || { echo "$said" >&2; exit 1; }
    if grep "$work/pledge.service" <<<"$said"; then exit 1; fi # a line that is not understood is no error there
else
    not_checked pledge.service systemd-analyze
fi

step "nginx.conf"
if program nginx nginx; then
    # A certificate has to be there, and its folders may not be those of the system.
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=pledge.example -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
    sed "s|/etc/ssl/pledge/fullchain.pem|$work/cert.pem|; s|/etc/ssl/pledge/privkey.pem|$work/key.pem|" "$samples/nginx.conf" >"$work/site.conf"
    temporary=''
    for kind in client_body proxy fastcgi uwsgi scgi; do temporary+="${kind}_temp_path $work/$kind; "; done
    echo "pid $work/pid; error_log stderr; events {} http { access_log off; $temporary include $work/site.conf; }" >"$work/nginx.conf"
    "$found" -t -e stderr -p "$work" -c "$work/nginx.conf"
else
    not_checked nginx.conf nginx
fi

step "Caddyfile"
if program caddy caddy; then
    HOME=$work "$found" validate --adapter caddyfile --config "$samples/Caddyfile" 2>"$work/caddy.log" \
        || { cat "$work/caddy.log" >&2; exit 1; }
else
    not_checked Caddyfile caddy
fi

step "compose.yml, kubernetes.yml, Containerfile and dashboard.json"
if python3 -c 'import yaml' 2>/dev/null; then
    python3 - "$samples" <<'PYTHON'
import json, sys, yaml
folder = sys.argv[1]
compose = yaml.safe_load(open(f"{folder}/compose.yml"))
services = compose["services"]
for name, service in services.items():
    assert "image" in service or "build" in service, f"compose.yml: {name} has no image"
    for other in service.get("depends_on", {}):
        assert "healthcheck" in services[other], f"compose.yml: {other} has no healthcheck"
named = {volume.split(":")[0] for service in services.values() for volume in service.get("volumes", [])}
assert {volume for volume in named if not volume.startswith(".")} == set(compose["volumes"]), named
[pod] = yaml.safe_load(open(f"{folder}/kubernetes.yml"))["spec"]["template"]["spec"]["containers"]
ports = {port["name"] for port in pod["ports"]}
for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
    assert pod[probe]["httpGet"]["port"] in ports, f"kubernetes.yml: {probe}"
image = [line.split(maxsplit=1) for line in open(f"{folder}/Containerfile") if line.strip() and line[0] != "#"]
known = {"FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
assert {word for word, _ in image} <= known, f"Containerfile: {[word for word, _ in image]}"
assert image[0][0] == "FROM" and all(json.loads(rest) for word, rest in image if word in ("ENTRYPOINT", "CMD"))
exposed = {port for word, rest in image if word == "EXPOSE" for port in rest.split()}
assert exposed == {str(port["containerPort"]) for port in pod["ports"]}, f"Containerfile: {exposed}"
panels = json.load(open(f"{folder}/dashboard.json"))["panels"]
assert len({panel["id"] for panel in panels}) == len(panels), "dashboard.json: two panels have one id"
print(f"{len(services)} services, {len(ports)} ports, {len(panels)} panels")
PYTHON
else
    not_checked "compose.yml, kubernetes.yml, Containerfile and dashboard.json" "PyYAML"
fi
if docker compose version >/dev/null 2>&1; then
    PLEDGE_DB_PASSWORD=x PLEDGE_REDIS_PASSWORD=x docker compose --file "$samples/compose.yml" config --quiet
else
    not_checked "what compose.yml means to Compose" "docker compose"
fi

step "the samples are well formed"
