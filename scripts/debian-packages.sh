#!/bin/sh
# Debian's PostgreSQL 15 with contrib, for `make test-debian` and `make bench`.
# Installs what is missing when it may, and says what to install when it may not.
set -eu

bin=/usr/lib/postgresql/15/bin
extensions=/usr/share/postgresql/15/extension
if [ -x $bin/postgres ] && [ -x $bin/pgbench ] && [ -f $extensions/hstore.control ]; then
    exit 0
fi
packages='postgresql-15 postgresql-contrib'
if [ "$(id -u)" != 0 ]; then
    echo "error: PostgreSQL 15 of Debian is not installed in $bin" >&2
    echo "hint: sudo apt-get install $packages" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null
# The tests start servers of their own; the package's server is not wanted.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
# shellcheck disable=SC2086
apt-get install -q -y --no-install-recommends \
    -o Dpkg::Options::=--force-confold $packages </dev/null
