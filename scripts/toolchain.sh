# To be read by the other scripts: puts the directory of rustup's programs into PATH. That is
# the one of this account where HOME names another place, as with sudo or for a test.

if [ -z "${CARGO_HOME:-}" ] && [ ! -x "${HOME:-}/.cargo/bin/cargo" ]; then
    account=$(getent passwd "$(id -u)" | cut -d: -f6)
    if [ -n "$account" ] && [ -x "$account/.cargo/bin/cargo" ]; then
        PATH=$PATH:$account/.cargo/bin
        # Its programs look for toolchains below HOME otherwise.
        export RUSTUP_HOME="${RUSTUP_HOME:-$account/.rustup}"
    fi
fi
PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
