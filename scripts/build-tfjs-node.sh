#!/usr/bin/env bash
# Builds the native library of @tensorflow/tfjs-node into a folder of its own; see --help.
set -euo pipefail

TFJS_VERSION=${TFJS_VERSION:-4.22.0}
TF_VERSION=${TF_VERSION:-2.15.1}

usage() {
  cat <<'TEXT'
usage: scripts/build-tfjs-node.sh [--force] FOLDER

Makes TensorFlow.js's native library for Lichen's second engine, from packages of npm and PyPI alone, in about
half a minute: @tensorflow/tfjs-node, whose binding is compiled against the library inside the Python package
tensorflow-cpu (which is only unpacked, never installed). FOLDER grows to 0.9 GB; it must be new, empty, or one
that this script made. What works already is left as it is, unless --force is given.

Then:  LICHEN_TFJS_NODE=FOLDER lichen learn --engine tfjs ...   (or `engine: tfjs` in the agent's settings)

For x64 Linux with AVX. Needs node, npm, g++ and python3 with pip.
Environment: TFJS_VERSION (4.22.0), TF_VERSION (2.15.1; 2.12.1 to 2.16.2 have the library as a file), and what
npm and pip read of it, such as their registries.
TEXT
}

fail() {
  echo "build-tfjs-node: $1" >&2
  exit "${2:-1}"
}
say() { echo "build-tfjs-node: $1"; }

FORCE=0
FOLDER=
for argument in "$@"; do
  case $argument in
    -h | --help) usage && exit 0 ;;
    --force) FORCE=1 ;;
    -*) fail "there is no option $argument (see --help)" 2 ;;
    *)
      [ -z "$FOLDER" ] || fail "one folder only, got '$FOLDER' and '$argument' (see --help)" 2
      FOLDER=$argument
      ;;
  esac
done
[ -n "$FOLDER" ] || { usage >&2 && exit 2; }

# What must be there before anything is fetched.
[ "$(uname -sm)" = 'Linux x86_64' ] ||
  fail "it is for x64 Linux, this is $(uname -sm); use the engine ort"
grep -qw avx /proc/cpuinfo || fail 'TensorFlow needs a processor with AVX, which this one has not; use the engine ort'
missing=()
for pair in node:nodejs npm:npm g++:g++ python3:python3; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
done
if command -v python3 >/dev/null && ! python3 -m pip --version >/dev/null 2>&1; then missing+=(python3-pip); fi
[ "${#missing[@]}" -eq 0 ] || fail "missing: ${missing[*]} (as Debian's packages are called)"

MARK=.lichen-tfjs-node
case "$(realpath -m "$FOLDER")/" in
  */node_modules/*) fail "'$FOLDER' lies inside node_modules, which npm clears; choose a folder of its own" 2 ;;
esac
if [ -e "$FOLDER" ] && [ ! -e "$FOLDER/$MARK" ]; then
  [ -d "$FOLDER" ] || fail "'$FOLDER' is not a folder" 2
  [ -z "$(ls -A "$FOLDER")" ] || fail "'$FOLDER' has other things in it; choose a new or an empty folder" 2
fi
mkdir -p "$FOLDER" || fail "cannot make '$FOLDER'"
cd "$FOLDER"
DIR=$PWD
PACKAGE=$DIR/node_modules/@tensorflow/tfjs-node
VERSIONS="@tensorflow/tfjs-node $TFJS_VERSION, tensorflow-cpu $TF_VERSION, Node $(node -p 'process.versions.modules')"

# A gradient through the library, so that more than its loading is seen.
works() {
  [ "$(cat "$MARK" 2>/dev/null)" = "$VERSIONS" ] && TF_CPP_MIN_LOG_LEVEL=2 node -e '
    const tf = require("@tensorflow/tfjs-node");
    const loss = (w) => tf.sum(tf.square(tf.conv2d(tf.ones([1, 4, 4, 1]), w, 1, "valid")));
    const found = tf.grad(loss)(tf.ones([3, 3, 1, 1])).dataSync()[0];
    if (tf.getBackend() !== "tensorflow" || found !== 72) {
      throw new Error(`backend ${tf.getBackend()}, gradient ${found}; tensorflow and 72 were expected`);
    }'
}
if [ "$FORCE" = 0 ] && works 2>/dev/null; then
  say "$DIR has $VERSIONS already, and it works"
  exit 0
fi

TMP=$(mktemp -d "$DIR/.build.XXXXXX")
trap 'rm -rf "$TMP"' EXIT
: >"$MARK"
rm -rf node_modules package-lock.json
echo '{ "private": true }' >package.json

say "fetching @tensorflow/tfjs-node $TFJS_VERSION (npm)"
# Without its install script, which would fetch a library from elsewhere.
npm install --ignore-scripts --no-audit --no-fund --loglevel=error "@tensorflow/tfjs-node@$TFJS_VERSION" >/dev/null ||
  fail "npm cannot install @tensorflow/tfjs-node@$TFJS_VERSION"

say "fetching tensorflow-cpu $TF_VERSION (PyPI)"
# Any Python's package will do: only its library and headers are used.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
  --python-version 3.10 --platform manylinux2014_x86_64 --dest "$TMP" "tensorflow-cpu==$TF_VERSION" ||
  fail "pip cannot download tensorflow-cpu==$TF_VERSION (on another index? see: pip config list)"
python3 - "$TMP" "$PACKAGE/deps" <<'PYTHON' || fail "tensorflow-cpu $TF_VERSION does not hold the library as a file"
import glob, pathlib, shutil, sys, zipfile

downloaded, deps = sys.argv[1:]
wheel = zipfile.ZipFile(glob.glob(f"{downloaded}/tensorflow_cpu-*.whl")[0])
libraries = ["libtensorflow_cc.so.2", "libtensorflow_framework.so.2"]
headers = ("tensorflow/c/", "tensorflow/core/platform/ctstring", "tsl/", "tensorflow/tsl/")
shutil.rmtree(deps, ignore_errors=True)


def extract(name, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    with wheel.open(name) as source, open(to, "wb") as target:
        shutil.copyfileobj(source, target, 1 << 22)


for library in libraries:
    extract(f"tensorflow/{library}", pathlib.Path(deps, "lib", library))
root = "tensorflow/include/"
for name in wheel.namelist():
    if name.startswith(root) and name[len(root):].startswith(headers) and not name.endswith("/"):
        extract(name, pathlib.Path(deps, "include", name[len(root):]))
# The names under which the linker looks for them.
for name, library in zip(["libtensorflow.so", "libtensorflow_framework.so"], libraries):
    pathlib.Path(deps, "lib", name).symlink_to(library)
PYTHON
rm -f "$TMP"/*.whl

# node_api.h comes with most installations of Node, and as a package for the others.
HEADERS=$(dirname "$(dirname "$(readlink -f "$(command -v node)")")")/include/node
if [ ! -f "$HEADERS/node_api.h" ]; then
  say 'fetching node-api-headers (npm)'
  npm install --ignore-scripts --no-audit --no-fund --no-save --loglevel=error --prefix "$TMP" node-api-headers \
    >/dev/null || fail 'npm cannot install node-api-headers'
  HEADERS=$TMP/node_modules/node-api-headers/include
fi

# Where the package itself will look for its binding; the folder's name tells the version of Node's interface.
OUT=$(cd "$PACKAGE" && node -p "require('@mapbox/node-pre-gyp').find('$PACKAGE/package.json')")
NAPI=$(sed -n 's/.*napi-v\([0-9]*\).*/\1/p' <<<"$OUT")
[ -n "$NAPI" ] || fail "the package looks for its binding at $OUT, which names no version of Node's interface"
say "compiling the binding for Node's interface $NAPI"
mkdir -p "$(dirname "$OUT")"
# shellcheck disable=SC2016
g++ -std=c++17 -O2 -fPIC -shared -fno-exceptions -fvisibility=hidden -w \
  -DNAPI_VERSION="$NAPI" -DNODE_GYP_MODULE_NAME=tfjs_binding -DBUILDING_NODE_EXTENSION \
  -I"$HEADERS" -I"$PACKAGE/deps/include" \
  "$PACKAGE/binding/tfjs_backend.cc" "$PACKAGE/binding/tfjs_binding.cc" -o "$OUT" \
  -L"$PACKAGE/deps/lib" -ltensorflow -ltensorflow_framework -Wl,-rpath,'$ORIGIN/../../deps/lib' ||
  fail "the binding does not compile against tensorflow-cpu $TF_VERSION"

echo "$VERSIONS" >"$MARK"
works || { : >"$MARK" && fail 'it was built, but does not work (see above)'; }
say "built $VERSIONS: $(du -sh "$DIR" | cut -f1) in $DIR"
say "use it with LICHEN_TFJS_NODE=$DIR"
