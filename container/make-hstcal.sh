#!/bin/sh
# Builds hstcal for the image: make-hstcal.sh PREFIX
# HSTCAL_SOURCE is empty (nothing is built), "release", or "copy" for that which `make image` has put beside this.
# PREFIX gets what `make hstcal` makes and, in packages.txt, the Debian packages with the libraries that the programs need.
set -eu
prefix=$1
cd "$(dirname "$0")"

[ -n "${HSTCAL_SOURCE:-}" ] || { mkdir -p "$prefix"; exit 0; }
[ "$HSTCAL_SOURCE" = release ] || HSTCAL_SOURCE=$PWD/hstcal-source.tar
[ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="$PIP_CERT"
export HSTCAL_SOURCE

if command -v apt-get >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        cmake g++ gcc gfortran libc6-dev libcfitsio-dev make pkg-config >/dev/null
fi
python3 hstcal.py "$prefix" || { tail -n 20 "$prefix.log" >&2; exit 1; }

if command -v dpkg >/dev/null; then
    for needed in $(readelf -d "$prefix"/bin/*.e "$prefix"/lib/*.so | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort -u); do
        [ -e "$prefix/lib/$needed" ] || dpkg -S "*/$needed"
    done | cut -d: -f1 | sort -u >"$prefix/packages.txt"
fi
