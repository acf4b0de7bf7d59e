# %% [markdown]
# We always use one thread. More threads add numbers in another order, and the tiny rounding differences can change the balanced accuracy of such small networks by up to 0.1.

# %% tags=["protected"]
torch.set_num_threads(1)
torch.backends.cudnn.benchmark = False  # the fastest kernel may differ from run to run
torch.backends.cudnn.deterministic = True
fastest = "cuda" if torch.cuda.is_available() else "cpu"
device = torch.device(fastest if DEVICE == "auto" else DEVICE)


def seed_everything(seed):
    """Seed every random number generator."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


seed_everything(SEED)
print(f"torch {torch.__version__} on {device}")
