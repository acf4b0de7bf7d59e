# %% [markdown]
# We always use one thread. More threads add numbers in another order, and the tiny rounding differences can change the balanced accuracy of such small networks by up to 0.1.

# %% tags=["protected"]
torch.set_num_threads(1)
torch.backends.cudnn.deterministic = True
fastest = "cuda" if torch.cuda.is_available() else "cpu"
device = torch.device(fastest if DEVICE == "auto" else DEVICE)


def seed_everything(seed):
    """Seed every random number generator with all bits of a seed of 63 bits."""
    random.seed(seed)
    np.random.seed([seed % 2**32, seed // 2**32])  # NumPy takes 32 bits in each number
    torch.manual_seed(seed)
    state = torch.get_rng_state()  # of the CPU; PyTorch makes its 624 words from 32 bits of the seed alone
    words = np.random.SeedSequence(seed).generate_state(624).astype(np.int64)
    state.view(torch.int64)[3 : 3 + 624] = torch.from_numpy(words)
    torch.set_rng_state(state)


def derive_seed(*purpose, bits=63):
    """Return a seed for one purpose. It tells nothing about SEED or the other seeds; yours have 32 bits, as NumPy wants."""
    digest = hashlib.sha256(f"{SEED} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


seed_everything(SEED)
print(f"torch {torch.__version__} on {device}")
