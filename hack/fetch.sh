# shellcheck shell=sh
# What the install scripts share, which read this file: a folder of .cache that is fetched once.

# fetched INTO STAMP reports whether a folder is what was fetched by this stamp.
fetched() { [ "$(cat "$1/.installed" 2>/dev/null)" = "$2" ]; }

# begin INTO makes the folder $new beside the one that it is to be.
begin() {
	mkdir -p "$(dirname "$1")"
	new=$(mktemp -d "$1.XXXXXX")
	trap 'rm -rf "$new"' EXIT
}

# finish INTO STAMP puts $new into its place.
finish() {
	chmod 755 "$new"
	echo "$2" >"$new/.installed"
	rm -rf "$1"
	mv "$new" "$1"
	trap - EXIT
}

# program NAME FROM builds a program of a Go module, once: program .cache/helm/helm-v3.1.0 helm.sh/helm/v3/cmd/helm@v3.1.0
program() {
	[ ! -x "$1" ] || return 0
	echo "building $(basename "$1"), to compare with; this takes a few minutes, once" >&2
	from=${2%@*}
	from=${from%/v[0-9]} # what Go calls the program of a module that ends in its version
	GOBIN=$PWD/$(dirname "$1")/tmp go install "$2"
	mv "$(dirname "$1")/tmp/$(basename "$from")" "$1"
}

# modules LIST copies folders of Go modules into $new, as a list has them: a module with its version, and a folder in it.
modules() {
	while read -r module folder; do
		case $module in '' | '#'*) continue ;; esac
		dir=$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
		mkdir -p "$new/${module%@*}/$(dirname "$folder")"
		cp -R "$dir/$folder" "$new/${module%@*}/$folder"
	done <"$1"
	chmod -R u+w "$new"
}

# wheels NAME WHAT has pip put packages of Python into .cache/NAME, once, as hack/NAME/requirements.txt has them with their digests.
wheels() {
	into=.cache/$1
	stamp=$(cat hack/fetch.sh "hack/$1/requirements.txt" "hack/$1/install.sh" | cksum)
	! fetched "$into" "$stamp" || return 0
	echo "installing $2 into $into, once" >&2
	begin "$into"
	PIP_ROOT_USER_ACTION=ignore "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		--target "$new" -r "hack/$1/requirements.txt"
	finish "$into" "$stamp"
}

# packages FROM INTO WHY has npm fetch packages at the versions of package.json, by the digests of package-lock.json. No script of a
# package is run. To change a version: edit package.json, then "npm install --package-lock-only --omit-lockfile-registry-resolved".
packages() {
	for tool in node npm; do
		command -v "$tool" >/dev/null || {
			echo "$1 needs $tool (Node 20 or newer) to fetch $3" >&2
			exit 1
		}
	done
	mkdir -p "$2"
	cp "$1/package.json" "$1/package-lock.json" "$2/"
	(cd "$2" && npm ci --ignore-scripts --no-audit --no-fund --silent)
}
