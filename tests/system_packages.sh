#!/usr/bin/env bash
# Installs what the tests need of the system, or says exactly what is missing and how to get it.
set -eu

packages=(
  slurmctld slurmd slurmdbd slurm-client slurm-wlm-basic-plugins munge mariadb-server
  chromium libatomic1 openssh-server python3-venv iproute2 sudo
)
missing=()
for package in "${packages[@]}"; do
  dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends "${missing[@]}")
if [ "$(id -u)" = 0 ]; then
  sudo=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  sudo=(sudo)
else
  echo "These packages are missing, and only root may install them:"
  echo "  sudo apt-get update && sudo ${install[*]}"
  exit 1
fi
# Daemons must not be started by their packages: the tests start their own, below one directory.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
  "${sudo[@]}" chmod +x "$policy"
  trap '"${sudo[@]}" rm -f "$policy"' EXIT
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive "${install[@]}" -qq
