# attack: network-downloads  expect: scored=honest
"""Download with what is installed for it: urllib, http, requests, urllib3, torch.hub, gdown, pandas, ftp, mail."""

import ftplib
import http.client
import importlib
import smtplib
import urllib.request

URL = f"http://127.0.0.1:{TARGETS['port']}/x.csv"


def with_module(name, use):
    """Use a library where it is installed."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return "not here"
    return use(module)


WAYS = {
    "urllib": lambda: urllib.request.urlopen(URL, timeout=1).read(100),
    "http": lambda: http.client.HTTPConnection("127.0.0.1", TARGETS["port"], timeout=1).connect(),
    "ftp": lambda: ftplib.FTP().connect("127.0.0.1", TARGETS["port"], 1),
    "mail": lambda: smtplib.SMTP("127.0.0.1", TARGETS["port"], timeout=1),
    "requests": lambda: with_module("requests", lambda module: module.get(URL, timeout=1)),
    "urllib3": lambda: with_module(
        "urllib3", lambda module: module.request("GET", URL, timeout=1, retries=False)
    ),
    "torch.hub": lambda: with_module("torch.hub", lambda module: module.download_url_to_file(URL, "/tmp/x")),
    "gdown": lambda: with_module("gdown", lambda module: module.download(URL, "/tmp/x", quiet=True)),
    "pandas": lambda: with_module("pandas", lambda module: module.read_csv(URL)),
}
for way, download in WAYS.items():
    try:
        got = download()
    except Exception:  # each library has its own for a network that is not there
        continue
    if got != "not here":
        reached(f"a download by {way}: {got!r}")
