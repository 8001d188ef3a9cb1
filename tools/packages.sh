# Installing what is missing; sourced by the other tools: . "$(dirname "$0")/packages.sh"

packages_build=(gcc cmake ninja-build pkg-config glslang-tools spirv-tools libvulkan-dev
    libvulkan-volk-dev libstb-dev libjpeg-dev libarchive-dev libuv1-dev libjansson-dev
    libexif-dev libxxhash-dev libsqlite3-dev zlib1g-dev)
# libvulkan1 finds the drivers; Mesa's hold the software device that every machine can use.
packages_run=(libvulkan1 mesa-vulkan-drivers)
# For cubby.exe: a compiler, and what Debian's sources of its libraries are unpacked and built with.
packages_windows=(mingw-w64-x86-64-dev gcc-mingw-w64-x86-64-win32 binutils-mingw-w64-x86-64 dpkg-dev
    make nasm tcl xz-utils bzip2 zip libstb-dev libvulkan-dev libvulkan-volk-dev)
# What runs it. Wine's Vulkan needs a display, and passes on to the system's.
packages_wine=(wine wine64 xvfb xauth)
packages_test=(g++ libcmocka-dev vulkan-validationlayers python3 python3-numpy python3-pil
    python3-sklearn povray unzip strace sqlite3 zstd p7zip-full clang clang-format)

package_is_there() {
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
    *" installed") return 0 ;;
    esac
    # libjpeg-dev and others may be there under the name of what provides them.
    [ -n "$(dpkg-query -W -f '${Provides} ${Status}\n' 2>/dev/null |
        grep ' installed' | grep -w -- "$1")" ]
}

# install_missing PACKAGE...: says what it installs, and nothing if all are there.
install_missing() {
    local missing=() package
    command -v dpkg-query >/dev/null || {
        echo "This is not Debian or Ubuntu; make sure that these are installed: $*" >&2
        return 0
    }
    for package in "$@"; do
        package_is_there "$package" || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    echo "Installing ${missing[*]}" >&2
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || return 1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# install_if_offered PACKAGE...: the same for packages that a release may lack.
install_if_offered() {
    local package
    for package in "$@"; do
        if ! package_is_there "$package"; then
            install_missing "$package" ||
                echo "There is no $package here: the tests that need it are skipped" >&2
        fi
    done
}
