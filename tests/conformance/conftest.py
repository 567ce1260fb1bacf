"""Only the tests here are collected: the rest needs PyTorch, which may be left out."""


def pytest_ignore_collect(collection_path):
    return (collection_path.suffix == ".py" and not collection_path.name.startswith(("test_", "conftest"))) or None
