# %% [markdown]
# All random numbers of the protected cells come from `SEED`, by a seed of its own for each purpose.

# %% tags=["protected"]
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
    """Return a seed for one purpose that tells nothing about the others; yours have 32 bits, for NumPy."""
    digest = hashlib.sha256(f"{SEED} {purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - bits)


seed_everything(SEED)
