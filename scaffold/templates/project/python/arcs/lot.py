"""Reads and writes the files of lots: in a folder of this machine by itself, and in any other store with fsspec."""

import os
import urllib.parse


def read(role):
    """Returns the text of each file of the lots that are read."""
    return [text(file) for folder in os.environ.get(f"TRUNKLINE_READ_{role}", "").split() for file in listed(folder)]


def write(role, name, content):
    """Writes a file of the lot that is made."""
    address = os.environ[f"TRUNKLINE_WRITE_{role}"] + name
    path = local(address)
    if path:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(content)
        return
    import fsspec

    with fsspec.open(address, "w", encoding="utf-8") as out:
        out.write(content)


def listed(address):
    """Lists the files below an address that is a folder, or else the address itself."""
    if not address.endswith("/"):
        return [address]
    path = local(address)
    if path:
        return sorted(os.path.join(at, name) for at, _, names in os.walk(path) for name in names)
    import fsspec

    fs, root = fsspec.core.url_to_fs(address)
    return sorted(fs.unstrip_protocol(name) for name in fs.find(root))


def text(file):
    path = local(file)
    if path:
        with open(path, encoding="utf-8") as f:
            return f.read()
    import fsspec

    with fsspec.open(file, "r", encoding="utf-8") as f:
        return f.read()


def local(address):
    """Returns the path of what is on this machine, and nothing for what is elsewhere."""
    if address.startswith("file://"):
        return urllib.parse.unquote(address.removeprefix("file://"))
    return "" if "://" in address else address
