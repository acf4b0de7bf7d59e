# More threads would add numbers in another order. That alone can change the accuracy of small networks by 0.1.
torch.set_num_threads(1)
torch.backends.cudnn.deterministic = True
fastest = "cuda" if torch.cuda.is_available() else "cpu"
device = torch.device(fastest if DEVICE == "auto" else DEVICE)
print(f"torch {torch.__version__} on {device}")
