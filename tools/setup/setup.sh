# Sourced by ./dev: installs what the repository needs, each step only when something is missing.

# The packages of the given lists, without comments.
packages_of() { sed 's/#.*//' "$@" | tr -s ' \n' '\n' | sed '/^$/d'; }

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "installing packages needs root: run './dev setup' as root once, or install sudo"
  fi
}

setup_packages() {  # list files...
  local missing=() package
  for package in $(packages_of "$@"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
  done
  # A Node from elsewhere (NodeSource has npm in its nodejs package) serves as well as Debian's.
  command -v npm >/dev/null && missing=($(printf '%s\n' "${missing[@]:-}" | grep -vxE 'nodejs|npm' || true))
  [[ ${#missing[@]} == 0 ]] && return 0
  say "installing ${missing[*]}"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    die "apt-get could not install: ${missing[*]}"
}

node_is_new_enough() { command -v node >/dev/null && node -e '
  const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)'; }

# Debian 12 has Node 18; Vite 8 wants 20.19. The npm registry carries Node's own binaries as packages.
setup_node() {
  export PATH="$PWD/.cache/node/bin:$PATH"
  node_is_new_enough && [[ $(npm --version) == 1[1-9].* ]] && return 0
  local arch
  case $(uname -m) in x86_64) arch=x64 ;; aarch64) arch=arm64 ;; *) die "no Node 22 for $(uname -m)" ;; esac
  say "fetching Node 22 and npm 11 from the npm registry into .cache/node"
  mkdir -p .cache/node/bin
  npm install --silent --no-audit --no-fund --prefix .cache/node "node-linux-$arch@22" npm@11 ||
    die "npm could not fetch Node 22 and npm 11"
  ln -sf "../node_modules/node-linux-$arch/bin/node" .cache/node/bin/node
  ln -sf ../node_modules/npm/bin/npm-cli.js .cache/node/bin/npm
  hash -r  # Bash remembers where it found Debian's node a moment ago.
  node_is_new_enough || die "Node 20.19 or newer is needed, found $(node --version)"
}

# Debian's binaries of the systems that we are compared with, unpacked and never installed.
setup_peers() {
  local package missing=()
  for package in $(packages_of tools/setup/peers.txt); do
    [[ -e .cache/peers/.$package ]] || missing+=("$package")
  done
  [[ ${#missing[@]} == 0 ]] && return 0
  say "unpacking ${missing[*]} into .cache/peers"
  mkdir -p .cache/peers/download
  apt-cache show "${missing[0]}" >/dev/null 2>&1 || as_root apt-get update -qq
  for package in "${missing[@]}"; do
    (cd .cache/peers/download && apt-get download -qq "$package" >/dev/null 2>&1) || die "apt-get could not download $package"
    dpkg -x .cache/peers/download/"${package}"_*.deb .cache/peers
    touch ".cache/peers/.$package"
  done
  rm -rf .cache/peers/download
}

# The metrics library of Node programs, which the tests scrape.
setup_prom_client() {
  [[ -d .cache/prom-client/node_modules/prom-client ]] && return 0
  say "fetching prom-client into .cache/prom-client"
  mkdir -p .cache/prom-client
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix .cache/prom-client prom-client@15.1.3 ||
    die "npm could not fetch prom-client"
}

# The client of the conformance suite `grafana`: Grafana's own packages (AGPL), to test with and never shipped.
setup_grafana_client() {
  local source=../shared/conformance/grafana-datasource folder=.cache/grafana-datasource
  [[ -d $source ]] || die "$source is not here: it says which packages to fetch"
  [[ -d $folder/node_modules/esbuild/bin ]] && return 0
  say "fetching Grafana's data source into $folder"
  mkdir -p "$folder"
  cp "$source"/*.mjs "$source/package.json" "$folder/"
  npm install --silent --no-audit --no-fund --legacy-peer-deps --ignore-scripts --prefix "$folder" &&
    (cd "$folder" && node node_modules/esbuild/install.js) || die "npm could not fetch Grafana's data source"
}
