#!/bin/sh
# Makes the environment of the image: make-environment.sh PREFIX
# With conda in the base, hstcal comes from conda-forge; else the base's Python and PyPI do without it.
set -eu
prefix=$1
cd "$(dirname "$0")"

if conda=$(command -v mamba || command -v conda); then
    "$conda" env create --yes --quiet --prefix "$prefix" --file environment.yml
    "$conda" clean --all --yes --quiet
else
    python3 -m venv "$prefix"
fi

# uv takes seconds where pip takes minutes, and goes by variables of its own; hatchling builds our own package
python3 -m venv tools
tools/bin/python -m pip install --quiet -c constraints.txt hatchling
if tools/bin/python -m pip install --quiet -c constraints.txt uv; then
    export UV_LINK_MODE=copy
    [ -z "${PIP_CERT:-}" ] || export SSL_CERT_FILE="$PIP_CERT"
    [ -z "${PIP_INDEX_URL:-}" ] || export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
    [ -z "${PIP_EXTRA_INDEX_URL:-}" ] || export UV_INDEX="$PIP_EXTRA_INDEX_URL"
    tools/bin/uv pip install --quiet --no-cache --compile-bytecode --python "$prefix/bin/python" \
        -c constraints.txt -r requirements.txt
else
    "$prefix/bin/python" -m pip install --quiet --no-cache-dir -c constraints.txt -r requirements.txt
fi
