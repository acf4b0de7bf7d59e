#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image; the zip lies in /autograder/source by then.
set -euo pipefail

root="${AUTOGRADER_ROOT:-/autograder}"
export DEBIAN_FRONTEND=noninteractive

apt-get update
apt-get install -y --no-install-recommends bubblewrap ca-certificates python3 python3-venv

# The grader needs Python 3.11; an image that has an older one gets it beside its own.
fits() {
  "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}
python=python3
if ! fits "$python"; then
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi

# In this place PyTorch has no graphics card: the wheels of the extra index are a tenth of the size.
"$python" -m venv "$root/venv"
"$root/venv/bin/python" -m pip install --no-cache-dir -c "$root/source/constraints.txt" \
  --extra-index-url https://download.pytorch.org/whl/cpu -e "$root/source/kit"

# The hidden data are built now, so that no submission waits for them, and a mistake shows in the log of the image.
"$root/venv/bin/python" -P -m grader.cli.gradescope_container prepare "$root"
