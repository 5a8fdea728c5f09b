# What is done often. `just` alone lists it; each line also works by hand.

_default:
  @just --list --unsorted

# Tests that need no server: a minute after the build.
test:
  cargo test --workspace --exclude token-tests --exclude token-bench --all-features --locked --lib --bins --examples
  cargo test -p token-conformance -p token-tests --locked --test memory --test sqlite

# The conformance suite and the promises, on Redis servers that the tests start from PATH.
test-redis:
  TOKEN_TEST_SERVERS=processes cargo test -p token-tests --locked --test redis --test redis_cluster --test redis_sentinel --test promises

# Every test, on the oldest and the newest server. Installs what it needs.
test-all:
  scripts/test.sh

# Formatting, lints, documentation, spelling.
lint:
  scripts/lint.sh

# The book as HTML, in target/book.
docs:
  scripts/docs.sh

# Licences, advisories, unused dependencies, each feature by itself, packages.
dependencies:
  scripts/dependencies.sh

# What a change must pass before it lands.
ci:
  .ci/run
