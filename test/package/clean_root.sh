#!/bin/sh
# Installs the Debian packages into a Debian that has nothing else, and builds and runs the consumer there.
#
#     clean_root.sh FOLDER_OF_THE_PACKAGES SOURCE FOLDER        as root, in 1 to 2 minutes
set -eu
packages=$1 source=$2 folder=$3

root=$folder/root
rm -rf "$root"
mkdir -p "$folder"
mmdebstrap --quiet --variant=apt --include=g++,cmake,ninja-build,pkg-config bookworm "$root" \
    $(find /etc/apt -name debian.sources -o -name sources.list)
mkdir "$root/source" "$root/packages"
cp "$packages"/*.deb "$root/packages"
cp -r "$source/README.md" "$source/test" "$root/source"
chroot "$root" sh -euc '
    apt-get update --quiet --quiet
    apt-get install --quiet --quiet --yes ./packages/*.deb >/dev/null
    for way in find_package pkg_config; do
        cmake -S source/test/package/consumer -B build/$way -G Ninja -DWAY=$way
        cmake --build build/$way
        CHAINNER_LOG_DIR=/logs/$way build/$way/consumer
        grep "loaded 3 models" logs/$way/worker.log
    done
    apt-get remove --quiet --quiet --yes libchainner-logger0.1 >/dev/null
    test ! -e usr/include/chainner'
