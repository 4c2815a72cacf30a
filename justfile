# Everything CI runs, in the same order.
verify:
    scripts/test.sh

# What `verify` complains about and a machine can mend.
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty

# The embedded chain, its story, and the API.
demo:
    cargo run --release -- demo
