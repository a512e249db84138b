# Sourced by the other scripts: the virtual environment .venv, made once and brought up to date when
# pyproject.toml changes. Usage: prepare_environment [EXTRA]

prepare_environment() {
  local extra="${1:-}" python="${PYTHON:-python3}" stamp wanted target="."
  [ -z "$extra" ] || target=".[$extra]"
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    echo "nas_ray needs Python 3.10 or newer, but '$python' is $("$python" --version 2>&1 || true);" \
      "name another one: PYTHON=python3.12 bash $0" >&2
    return 1
  fi
  stamp=".venv/installed-${extra:-base}"
  # What was installed with the development tools serves without them too.
  [ -n "$extra" ] || [ ! -f .venv/installed-dev ] || stamp=".venv/installed-dev"
  wanted="$("$python" --version) $(cksum <pyproject.toml) $PWD"
  if [ ! -x .venv/bin/nas-ray ] || [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing into .venv (torch is large; the first time takes minutes) ..."
    "$python" -m venv .venv
    # Old versions of pip cannot install a project in place by pyproject.toml alone.
    .venv/bin/python -m pip install -qq --upgrade 'pip>=23.1' 'setuptools>=77'
    .venv/bin/python -m pip install -qq --editable "$target"
    printf '%s' "$wanted" >"$stamp"
  fi
  export PATH="$PWD/.venv/bin:$PATH"
}
