# %% [markdown]
# The organisers may offer the data as a zip. Its hash shows whether the download is complete.

# %% tags=["protected", "folded"]
DATA_URL = {{ data.url }}
DATA_DRIVE_ID = {{ data.drive_id }}
DATA_SHA256 = {{ data.sha256 }}


def download_data(target, url, drive_id, sha256):
    """Save the zip as `target`; raise ValueError where its hash is not `sha256`."""
    part = Path(f"{target}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if drive_id:
        import gdown

        gdown.download(id=drive_id, output=str(part))
    else:
        with urllib.request.urlopen(url, timeout=60) as answer, part.open("wb") as file:
            shutil.copyfileobj(answer, file)
    if hashlib.sha256(part.read_bytes()).hexdigest() != sha256:
        part.unlink()
        raise ValueError("the downloaded zip is not the announced one; run this cell again, or ask the organisers")
    part.replace(target)
    return Path(target)

# %% [markdown]
# No file of the zip may end up outside the data folder.

# %% tags=["protected", "folded"]
def unpack_data(archive, folder, max_bytes=2 * 10**9):
    """Unpack a zip that holds train/ and val/, at its top or in one folder, as `folder`."""
    part = Path(f"{folder}.part")
    shutil.rmtree(part, ignore_errors=True)
    with zipfile.ZipFile(archive) as members:
        if sum(member.file_size for member in members.infolist()) > max_bytes:
            raise ValueError(f"the zip holds more than {max_bytes} bytes")
        for member in members.infolist():
            place = PurePosixPath(member.filename.replace("\\", "/"))
            if place.is_absolute() or ".." in place.parts or ":" in member.filename:
                raise ValueError(f"{member.filename!r} in the zip leads out of the data folder")
            if stat.S_ISLNK(member.external_attr >> 16):
                raise ValueError(f"{member.filename!r} in the zip is a link")
        members.extractall(part)
    tops = [place for place in (part, *sorted(part.iterdir())) if (place / "train").is_dir()]
    if not tops:
        raise ValueError("there is no folder train/ in the zip")
    tops[0].rename(folder)
    shutil.rmtree(part, ignore_errors=True)
    return Path(folder)

# %% [markdown]
# An existing folder is used as it is. Otherwise the data are downloaded, or built by the long cell above.

# %% tags=["protected", "folded"]
def find_data(data_path):
    """Return the data folder, downloaded or built first if it is missing."""
    folder = Path(data_path)
    for place in (folder, folder / "public"):
        if (place / "train").is_dir():
            return place
    if FINAL_EVALUATION_MODE:
        raise FileNotFoundError(f"there is no folder train/ in {folder}")
    if DATA_URL or DATA_DRIVE_ID:
        archive = download_data(f"{folder}.zip", DATA_URL, DATA_DRIVE_ID, DATA_SHA256)
        return unpack_data(archive, folder)
    part = Path(f"{folder}.part")  # an interrupted build leaves no incomplete data folder
    shutil.rmtree(part, ignore_errors=True)
    make_data(part, None, None, seed=0)
    return part.rename(folder)


data_folder = find_data(DATA_PATH)
