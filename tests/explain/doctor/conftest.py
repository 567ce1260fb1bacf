"""The catalogue's scripts are run by their test, and are no modules of tests."""

collect_ignore_glob = ["catalogue/*"]
