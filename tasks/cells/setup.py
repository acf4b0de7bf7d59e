# %% [markdown]
# One thread, always: more threads add numbers in another order, and small rounding differences grow until the balanced accuracy of nets this small moves by up to 0.1.

# %% tags=["protected"]
torch.set_num_threads(1)
torch.backends.cudnn.benchmark = False  # the fastest kernel may be another one in every run
torch.backends.cudnn.deterministic = True
fastest = "cuda" if torch.cuda.is_available() else "cpu"
device = torch.device(fastest if DEVICE == "auto" else DEVICE)


def seed_everything(seed):
    """Start every source of random numbers anew."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


seed_everything(SEED)
print(f"torch {torch.__version__} on {device}")
