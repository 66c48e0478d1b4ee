#!/usr/bin/env bash
# Plays signed orders through: who is refused, and how it is mended. Makes its own keys, and leaves nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export GIT_CONFIG_GLOBAL="$folder/gitconfig" GIT_CONFIG_NOSYSTEM=1
git config --global user.name Example
git config --global user.email example@example.com
git config --global gpg.format ssh
git config --global init.defaultBranch main

# Keys, and whose they are. The file lies outside of the repository, as the daemon's does.
for name in alice bob mallory; do ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$folder/$name"; done
for name in alice bob; do echo "$name namespaces=\"git\" $(cat "$folder/$name.pub")"; done >"$folder/orders.signers"
sed "s|/etc/reconciler|$folder|" "$here/authority.yaml" >"$folder/authority.yaml"

git init --quiet "$folder/specs"
cd "$folder/specs"
mkdir cluster-specs

as() { # NAME WORDS...: git, as somebody who signs
    local name=$1
    shift
    git -c "user.signingKey=$folder/$name" "$@"
}
change() { # FILE: another line in a file of the specs
    echo "# $RANDOM" >>"cluster-specs/$1"
    git add --all
}
seal() { # NAME: somebody signs all that is new
    as "$1" commit --quiet -S --allow-empty -m Seal -m "Reconciler-Seal: $(git rev-parse HEAD)"
}
verify() { # what the daemon would say of all that is not in force
    reconciler --config "$folder/authority.yaml" verify ${in_force:+--base "$in_force"}
}
accepted() { # WHAT
    echo "== $1"
    verify
    in_force=$(git rev-parse HEAD)
}
refused() { # WHAT
    echo "== $1"
    if verify; then
        echo "This should have been refused." >&2
        exit 1
    fi
}
back() { # to what is in force
    git reset --quiet --hard "$in_force"
}

in_force=
change fleet.yaml
git commit --quiet -m "Begin"
refused "A history that nobody signed"
seal alice
refused "One has sealed it: the fleet's own file needs two"
seal bob
accepted "Both have sealed it"

change cl1.yaml
as alice commit --quiet -S -m "Change cl1"
accepted "A change of one cluster, signed by one"

change cl1.yaml
as mallory commit --quiet -S -m "Change cl1"
refused "Signed with a key of nobody"
back

change cl1.yaml
git commit --quiet -m "Change cl1"
change cl1.yaml
as alice commit --quiet -S -m "Change cl1 again"
refused "An unsigned commit below a signed one"
seal bob
accepted "Bob has read it, and seals it"

git checkout --quiet -b side
change cl2.yaml
as bob commit --quiet -S -m "Add cl2"
git checkout --quiet main
change cl1.yaml
as alice commit --quiet -S -m "Change cl1"
as alice merge --quiet -S --no-ff -m "Merge" side
accepted "A merge that brings in nothing of its own"

git checkout --quiet -B side
change cl2.yaml
as bob commit --quiet -S -m "Change cl2"
git checkout --quiet main
as alice merge --quiet --no-ff --no-commit side
change cl1.yaml
as alice commit --quiet -S -m "Merge"
refused "A merge that changes something else besides"
back

change fleet.yaml
as alice commit --quiet -S -m "Change the fleet"
refused "A change of the fleet, signed by one"
seal bob
accepted "Bob agrees"
