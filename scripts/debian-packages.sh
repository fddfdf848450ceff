#!/bin/sh
# Debian's PostgreSQL 15 with contrib, PgBouncer and libfaketime, for `make test-debian` and
# `make bench`.
# Installs what is missing when it may, and says what to install when it may not.
set -eu

bin=/usr/lib/postgresql/15/bin
extensions=/usr/share/postgresql/15/extension
packages=
if [ ! -x $bin/postgres ] || [ ! -x $bin/pgbench ] || [ ! -f $extensions/hstore.control ]; then
    packages='postgresql-15 postgresql-contrib'
fi
[ -x /usr/sbin/pgbouncer ] || packages="$packages pgbouncer"
ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || packages="$packages faketime"
if [ -z "$packages" ]; then
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "error: packages of Debian are missing: ${packages# }" >&2
    echo "hint: sudo apt-get install ${packages# }" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null
# The tests start servers of their own; the packages' are not wanted.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold $packages </dev/null
if [ -d /run/systemd/system ] && [ -x /usr/sbin/pgbouncer ]; then
    systemctl disable --now --quiet pgbouncer
fi
